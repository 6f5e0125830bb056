package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// project writes the quickstart into a new folder.
func (b *bench) project(ctx context.Context, name string) (string, error) {
	program, err := b.programPath(ctx)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(b.dir, name)
	if out, err := exec.CommandContext(ctx, program, "init", "quickstart", dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("doorwright init: %w\n%s", err, out)
	}
	return dir, nil
}

// started is a running `doorwright start`.
type started struct {
	cmd   *exec.Cmd
	dir   string
	ready time.Duration // from before it was started
	read  chan struct{} // closed when its output has ended
}

// readyTimeout is when something has gone wrong; a first build may take a
// minute.
const readyTimeout = 3 * time.Minute

// start runs `doorwright start` and waits until it says that it is ready.
func (b *bench) start(ctx context.Context, dir string) (*started, error) {
	program, err := b.programPath(ctx)
	if err != nil {
		return nil, err
	}
	s := &started{dir: dir, read: make(chan struct{})}
	s.cmd = exec.CommandContext(ctx, program, "start", dir, "--json")
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) }
	s.cmd.WaitDelay = readyTimeout
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.cmd.Stderr = b.stderr
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan time.Time, 1)
	go s.follow(out, ready) // ends with the program
	timer := time.NewTimer(readyTimeout)
	defer timer.Stop()
	select {
	case at := <-ready:
		s.ready = at.Sub(began)
		return s, nil
	case <-s.read:
		return nil, errors.Join(errors.New("doorwright start ended before it was ready"), s.cmd.Wait())
	case <-timer.C:
		return nil, errors.Join(errors.New("doorwright start does not come to be ready"), s.stop())
	}
}

// follow reads the events, and tells when ready came.
func (s *started) follow(out io.Reader, ready chan<- time.Time) {
	defer close(s.read)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var e struct{ Kind string }
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Kind == "ready" {
			select {
			case ready <- time.Now():
			default:
			}
		}
	}
}

// stop ends it and waits for the end.
func (s *started) stop() error {
	if runtime.GOOS == "windows" {
		s.cmd.Process.Kill() // There are no interrupts for one process.
	} else if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	<-s.read
	if err := s.cmd.Wait(); err != nil && runtime.GOOS != "windows" {
		return fmt.Errorf("ending doorwright start: %w", err)
	}
	return nil
}

// output reads one of the stage's outputs.
func (s *started) output(name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(s.dir, ".doorwright", "dev", "outputs.json"))
	if err != nil {
		return "", err
	}
	var outputs map[string]string
	if err := json.Unmarshal(data, &outputs); err != nil {
		return "", err
	}
	return outputs[name], nil
}

// measureStart starts the program with functions that were built before, and
// looks at its memory once it has nothing to do.
func measureStart(ctx context.Context, b *bench) ([]result, error) {
	dir, err := b.project(ctx, "start")
	if err != nil {
		return nil, err
	}
	s, err := b.start(ctx, dir) // the first time: builds
	if err != nil {
		return nil, err
	}
	first := s.ready
	if err := s.stop(); err != nil {
		return nil, err
	}
	var ready, floor, rss []float64
	for range b.pick(15, 1) {
		began := time.Now()
		if err := exec.CommandContext(ctx, b.program, "version").Run(); err != nil {
			return nil, err
		}
		floor = append(floor, float64(time.Since(began)))
		if s, err = b.start(ctx, dir); err != nil {
			return nil, err
		}
		ready = append(ready, float64(s.ready))
		settled := idle(s.cmd.Process.Pid, time.Duration(b.pick(1500, 50))*time.Millisecond)
		if settled > 0 {
			rss = append(rss, settled)
		}
		if err := s.stop(); err != nil {
			return nil, err
		}
	}
	const what = "`start` to ready, two functions built before"
	row := bounded("start-ready", what, "ns", median(ready), float64(150*time.Millisecond))
	row.Note = fmt.Sprintf("the first start, which built them, took %s; `doorwright version` takes %s", format(float64(first), "ns"), format(median(floor), "ns"))
	const rssWhat = "memory of the idle program (VmRSS), its functions' processes apart"
	if len(rss) == 0 {
		return []result{row, skipped("idle-rss", rssWhat, "read from /proc, which is Linux's")}, nil
	}
	return []result{row, bounded("idle-rss", rssWhat, "MB", median(rss), 40)}, nil
}

// idle gives the most memory of a process in some time, in MB, or 0 where the
// system does not say.
func idle(pid int, d time.Duration) (most float64) {
	for began := time.Now(); time.Since(began) < d; time.Sleep(25 * time.Millisecond) {
		data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
		if err != nil {
			return 0
		}
		for line := range strings.Lines(string(data)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
				kb, _ := strconv.ParseFloat(f[1], 64)
				most = max(most, kb/1024)
			}
		}
	}
	return most
}

// measureSize builds the program with and without its symbols.
func measureSize(ctx context.Context, b *bench) ([]result, error) {
	var results []result
	for _, c := range []struct {
		row, what string
		flags     []string
	}{
		{"binary", "size of the program", nil},
		{"binary-stripped", "size of the program without symbols (-s -w)", []string{"-ldflags", "-s -w"}},
	} {
		path := filepath.Join(b.dir, c.row+exe)
		if err := b.build(ctx, path, c.flags...); err != nil {
			return nil, err
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		results = append(results, bounded(c.row, c.what, "MB", float64(info.Size())/(1<<20), 45))
	}
	return results, nil
}
