// Command app is what the containers of the engine's tests run.
//
//	app serve            answers HTTP on port 8080 until SIGTERM
//	app stubborn         does not end on SIGTERM
//	app files PATH...    prints the files and ends
//	app exit CODE        ends with the code
//	app print TEXT       prints the text and ends
//	app sleep            waits for an hour
//	app leave            ends and leaves its outputs to a child that sleeps
//	app hold BYTES       keeps so much memory until SIGTERM
//	app collect DIRECTORY VERSION COUNT
//	                     prints the files of the directory and writes those of
//	                     a version: pages, and COUNT files that they name
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

func main() {
	arguments := append(os.Args[1:], "", "")
	switch arguments[0] {
	case "serve":
		go http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, os.Getenv("VERSION"))
		}))
		fmt.Println("serving")
		await(syscall.SIGTERM)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		hangup := make(chan os.Signal, 1)
		signal.Notify(hangup, syscall.SIGHUP)
		fmt.Println("stubborn")
		for range hangup {
			fmt.Println("reloaded")
		}
	case "files":
		for _, path := range os.Args[2:] {
			content, err := os.ReadFile(path)
			fmt.Printf("%s=%s %v\n", path, content, err)
		}
	case "exit":
		code, _ := strconv.Atoi(arguments[1])
		os.Exit(code)
	case "print":
		fmt.Println(arguments[1])
	case "sleep":
		time.Sleep(time.Hour)
	case "leave":
		child := exec.Command(os.Args[0], "sleep")
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		if err := child.Start(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("left")
	case "collect":
		count, _ := strconv.Atoi(os.Args[4])
		if err := collect(os.Args[2], os.Args[3], count); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case "hold":
		size, _ := strconv.Atoi(arguments[1])
		block := make([]byte, size)
		for i := range block {
			block[i] = 1
		}
		fmt.Println("holding", len(block))
		await(syscall.SIGTERM)
		fmt.Println(block[0])
	}
}

// collect deletes what it is about to write first, as collectstatic does.
func collect(directory, version string, count int) error {
	files, _ := filepath.Glob(filepath.Join(directory, "*", "*"))
	fmt.Println("there:", len(files), "files")
	if err := os.MkdirAll(filepath.Join(directory, "css"), 0o755); err != nil {
		return err
	}
	for i := range count {
		path := filepath.Join(directory, "css", fmt.Sprintf("%d.%s.css", i, version))
		os.Remove(path)
		if err := os.WriteFile(path, []byte(version), 0o644); err != nil {
			return err
		}
	}
	page := filepath.Join(directory, "css", "page")
	os.Remove(page)
	return os.WriteFile(page, []byte(version), 0o640)
}

func await(s os.Signal) {
	received := make(chan os.Signal, 1)
	signal.Notify(received, s)
	<-received
}
