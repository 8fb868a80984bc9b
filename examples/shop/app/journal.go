package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// journal is the append-only file behind the store. An entry is acknowledged
// after fsync; entries that arrive while the disk is busy share the next one.
type journal struct {
	file     *os.File
	next     int64
	requests chan appendRequest
	apply    func([]Entry)
}

type appendRequest struct {
	entries []Entry
	done    chan error
}

// openJournal replays the file through apply, cuts off a torn last line and
// starts to accept entries. apply is called again for every durable batch.
func openJournal(path string, apply func([]Entry)) (*journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	j := &journal{file: file, next: 1, requests: make(chan appendRequest, 256), apply: apply}
	if err := j.replay(); err != nil {
		return nil, fmt.Errorf("replay %s: %w", path, err)
	}
	go j.commit()
	return j, nil
}

func (j *journal) replay() error {
	reader := bufio.NewReader(j.file)
	var offset int64
	for {
		line, err := reader.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return err
		}
		var entry Entry
		if err == io.EOF || json.Unmarshal(line, &entry) != nil {
			break
		}
		offset += int64(len(line))
		j.next = entry.Seq + 1
		j.apply([]Entry{entry})
	}
	if err := j.file.Truncate(offset); err != nil {
		return err
	}
	_, err := j.file.Seek(offset, io.SeekStart)
	return err
}

// Append returns once the entries are on disk and visible.
func (j *journal) Append(entries ...Entry) error {
	request := appendRequest{entries: entries, done: make(chan error, 1)}
	j.requests <- request
	return <-request.done
}

func (j *journal) commit() {
	for request := range j.requests {
		batch := append([]appendRequest{request}, j.waiting()...)
		err := j.write(batch)
		for _, one := range batch {
			if err == nil {
				j.apply(one.entries)
			}
			one.done <- err
		}
	}
}

// waiting takes what queued up during the last fsync.
func (j *journal) waiting() []appendRequest {
	var batch []appendRequest
	for {
		select {
		case request := <-j.requests:
			batch = append(batch, request)
		default:
			return batch
		}
	}
}

func (j *journal) write(batch []appendRequest) error {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	for _, request := range batch {
		for i := range request.entries {
			request.entries[i].Seq = j.next
			request.entries[i].At = time.Now().UTC()
			j.next++
			if err := encoder.Encode(request.entries[i]); err != nil {
				return err
			}
		}
	}
	if _, err := j.file.Write(buffer.Bytes()); err != nil {
		return err
	}
	return j.file.Sync()
}
