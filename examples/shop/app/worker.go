package main

import (
	"context"
	"hash/fnv"
	"log"
	"strconv"
	"sync"
	"time"
)

// runWorker processes jobs, several at a time. At the end of ctx it takes no
// more and returns when those that it has are done.
func runWorker(ctx context.Context) error {
	slotCount, err := strconv.Atoi(setting("SHOP_SLOTS", "32"))
	if err != nil {
		return err
	}
	go serveHealth(ctx)
	client := newStoreClient()
	slots := make(chan struct{}, slotCount)
	var running sync.WaitGroup
	for ctx.Err() == nil {
		slots <- struct{}{} // at least one slot is free before a job is taken
		// Not ctx: a job that the store hands out while the signal arrives
		// must be processed, or it is stuck until its lease ends.
		ids, err := client.Take(context.Background(), cap(slots)-len(slots)+1)
		<-slots
		if err != nil {
			log.Printf("take jobs: %v", err)
			time.Sleep(500 * time.Millisecond)
			continue
		}
		for _, id := range ids {
			slots <- struct{}{}
			running.Go(func() {
				defer func() { <-slots }()
				process(client, id)
			})
		}
	}
	log.Print("finishing the jobs in hand")
	running.Wait()
	return nil
}

// process takes between 50 and 500 ms, the same for the same job.
func process(client *storeClient, id string) {
	digest := fnv.New32a()
	digest.Write([]byte(id))
	time.Sleep(50*time.Millisecond + time.Duration(digest.Sum32()%451)*time.Millisecond)
	for {
		err := client.Append(context.Background(), note(jobDone, id))
		if err == nil {
			return
		}
		log.Printf("finish job %s: %v", id, err)
		time.Sleep(500 * time.Millisecond)
	}
}
