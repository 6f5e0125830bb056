package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/doorwright/doorwright"
)

// outputOf reads an output of the running app in dir.
func outputOf(dir, name string) string {
	outputs, err := doorwright.ReadOutputs(dir, doorwright.DefaultStage)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, o := range outputs {
		if o.Name == name {
			return o.Value
		}
	}
	fmt.Fprintln(os.Stderr, "there is no output", name)
	os.Exit(1)
	return ""
}

// inflight is the program `inflight DIR OUTPUT N`: it asks for /work below OUTPUT
// N times at once and says how many answers were whole. It fails unless all were.
func inflight() {
	url := outputOf(os.Args[1], os.Args[2]) + "/work"
	n, _ := strconv.Atoi(os.Args[3])
	var all sync.WaitGroup
	var mu sync.Mutex
	whole := 0
	for range n {
		all.Go(func() {
			resp, err := http.Get(url)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != 200 || string(b) != strings.Repeat("w", 5<<20) {
				fmt.Fprintln(os.Stderr, resp.StatusCode, len(b), "bytes", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			whole++
		})
	}
	all.Wait()
	fmt.Println(whole, "whole answers")
	if whole != n {
		os.Exit(1)
	}
}

// turnedAway is the program `turnedaway DIR OUTPUT`: it waits until the listener
// at OUTPUT takes no connection.
func turnedAway() {
	url := outputOf(os.Args[1], os.Args[2])
	address := strings.Replace(strings.TrimPrefix(url, "http://"), "localhost", "127.0.0.1", 1)
	eventually("the end of "+address, func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
}

// nobody is the program `nobody FILE`: it waits until none of the processes
// listed in FILE is there.
func nobody() {
	b, err := os.ReadFile(os.Args[1])
	if err != nil || len(b) == 0 {
		fmt.Fprintln(os.Stderr, "no processes in", os.Args[1], err)
		os.Exit(1)
	}
	for pid := range strings.FieldsSeq(string(b)) {
		n, err := strconv.Atoi(pid)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		eventually("the end of process "+pid, func() bool {
			p, err := os.FindProcess(n)
			return err != nil || p.Signal(syscall.Signal(0)) != nil
		})
	}
}
