package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/store"
)

// childVariable makes the test binary play another process: its value names
// the part, and the stage's folder is the last argument.
const childVariable = "DOORWRIGHT_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	part, isChild := os.LookupEnv(childVariable)
	if !isChild {
		os.Exit(m.Run())
	}
	parts := map[string]func(dir string) error{"hold": hold, "write": writeUntilKilled, "migrate": migrateMuch, "open": openOnly}
	if err := parts[part](os.Args[len(os.Args)-1]); err != nil {
		fmt.Println("error:", err)
		fmt.Println("hint:", hint(err))
		os.Exit(1)
	}
}

// child prepares a process that plays a part on a folder.
func child(t *testing.T, part, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, dir)
	cmd.Env = append(os.Environ(), childVariable+"="+part)
	cmd.Stderr = os.Stderr
	return cmd
}

// start starts a child and gives its output. It is killed with the test.
func start(t *testing.T, cmd *exec.Cmd) *bufio.Reader {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	return bufio.NewReader(out)
}

// kill kills a child as kill -9 does.
func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// hold holds the stage until its input ends.
func hold(dir string) error {
	s, err := store.Open(context.Background(), dir, store.Options{Command: "doorwright start shop"})
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println("held")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// openOnly opens the stage and closes it.
func openOnly(dir string) error {
	s, err := store.Open(context.Background(), dir, store.Options{})
	if err != nil {
		return err
	}
	return s.Close()
}

func TestHeldByAnotherProcess(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	holder := child(t, "hold", dir)
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if line, err := start(t, holder).ReadString('\n'); line != "held\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}

	s, err := store.Open(t.Context(), dir, store.Options{})
	var held *store.HeldError
	if !errors.As(err, &held) || s != nil {
		t.Fatalf("Open = %v, %v; want a *HeldError", s, err)
	}
	if held.PID != holder.Process.Pid || held.Command != "doorwright start shop" || held.Dir != dir || time.Since(held.Since) > time.Minute {
		t.Errorf("the error says %+v; the holder is %d", held, holder.Process.Pid)
	}
	want := regexp.MustCompile(fmt.Sprintf(`^stage dev is held by process %d \(doorwright start shop\) since \d\d:\d\d$`, holder.Process.Pid))
	if !want.MatchString(held.Error()) {
		t.Errorf("the text is %q, want %s", held.Error(), want)
	}
	if got := hint(err); !strings.Contains(got, "--stage") {
		t.Errorf("the hint is %q", got)
	}

	// Another stage of the same app is not held.
	open(t, filepath.Join(filepath.Dir(dir), "other"), store.Options{})

	in.Close()
	if err := holder.Wait(); err != nil {
		t.Fatalf("the holder: %v", err)
	}
	open(t, dir, store.Options{})
}

func TestHeldSinceYesterdaySaysTheDay(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	yesterday := time.Now().Add(-25 * time.Hour)
	open(t, dir, store.Options{Command: "c", Now: func() time.Time { return yesterday }})
	_, err := store.Open(t.Context(), dir, store.Options{})
	if want := "since " + yesterday.Format("2006-01-02 15:04"); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("Open: %v; want it to end in %q", err, want)
	}
}

func TestLockDiesWithItsProcess(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	holder := child(t, "hold", dir)
	if _, err := holder.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if line, err := start(t, holder).ReadString('\n'); line != "held\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	kill(holder)
	open(t, dir, store.Options{})
}

func TestOneOpenWins(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	const openers = 8
	var mu sync.Mutex
	var won []*store.Stage
	var wg sync.WaitGroup
	for range openers {
		wg.Go(func() {
			s, err := store.Open(t.Context(), dir, store.Options{})
			mu.Lock()
			defer mu.Unlock()
			var held *store.HeldError
			switch {
			case err == nil:
				won = append(won, s)
			case !errors.As(err, &held):
				t.Errorf("Open: %v", err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("%d of %d opened the stage at once", len(won), openers)
	}
	closeStage(t, won[0])
}

// random gives the test's random numbers. DOORWRIGHT_TEST_SEED repeats a run.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("DOORWRIGHT_TEST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("DOORWRIGHT_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// crashTables is where the killed child writes.
var crashTables = store.Migration{Room: "crash", Version: 1, SQL: `
	CREATE TABLE halves (id INTEGER PRIMARY KEY AUTOINCREMENT) STRICT;
	CREATE TABLE whole (id INTEGER PRIMARY KEY, half INTEGER NOT NULL REFERENCES halves (id)) STRICT;`}

const crashWriters = 4

// writeUntilKilled writes rows from several goroutines and says each one's
// number when the write is acknowledged.
func writeUntilKilled(dir string) error {
	s, err := store.Open(context.Background(), dir, store.Options{Migrations: []store.Migration{crashTables}})
	if err != nil {
		return err
	}
	failed := make(chan error)
	for range crashWriters {
		go func() {
			for {
				var id int64
				err := s.DB().Write(context.Background(), func(tx *sql.Tx) error {
					r, err := tx.Exec(`INSERT INTO halves DEFAULT VALUES`)
					if err != nil {
						return err
					}
					if id, err = r.LastInsertId(); err != nil {
						return err
					}
					_, err = tx.Exec(`INSERT INTO whole (id, half) VALUES (?, ?)`, id, id)
					return err
				})
				if err != nil {
					failed <- err
				}
				// One write(2) a line: what is acknowledged has been said.
				fmt.Fprintf(os.Stdout, "%d\n", id)
			}
		}()
	}
	return <-failed
}

// Every row that a killed process has acknowledged is there afterwards, and no
// half of a transaction is.
func TestKilledWhileWriting(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	rnd := random(t)
	acknowledged := map[int64]bool{}
	for range 8 {
		writer := child(t, "write", dir)
		out := start(t, writer)
		killAt, wait := 1+rnd.IntN(300), time.Duration(rnd.IntN(2000))*time.Microsecond
		var killed sync.WaitGroup
		for n := 1; ; n++ {
			line, err := out.ReadString('\n')
			if err != nil {
				break
			}
			id, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
			if err != nil {
				t.Fatalf("the child says %q", line)
			}
			acknowledged[id] = true
			if n == killAt {
				killed.Go(func() {
					<-time.After(wait) // Which moment it is does not matter, only that it varies.
					_ = writer.Process.Kill()
				})
			}
		}
		killed.Wait()
		kill(writer)
		checkAcknowledged(t, dir, acknowledged)
	}
	t.Logf("%d rows acknowledged in 8 rounds", len(acknowledged))
}

func checkAcknowledged(t *testing.T, dir string, acknowledged map[int64]bool) {
	t.Helper()
	s := open(t, dir, store.Options{Migrations: []store.Migration{crashTables}})
	defer closeStage(t, s)
	err := s.DB().Read(t.Context(), func(tx *sql.Tx) error {
		var halves, extra int
		if err := tx.QueryRow(`SELECT count(*) FROM halves`).Scan(&halves); err != nil {
			return err
		}
		rows, err := tx.Query(`SELECT id FROM whole`)
		if err != nil {
			return err
		}
		defer rows.Close()
		found := map[int64]bool{}
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			found[id] = true
			if !acknowledged[id] {
				extra++
				acknowledged[id] = true // Committed before its writer could say so.
			}
		}
		for id := range acknowledged {
			if !found[id] {
				t.Errorf("row %d was acknowledged and is gone", id)
			}
		}
		if halves != len(found) {
			t.Errorf("%d first halves and %d second halves", halves, len(found))
		}
		if extra > crashWriters {
			t.Errorf("%d rows are there that nobody acknowledged; %d writers ran", extra, crashWriters)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// muchMigrations are steps that are wrong if done twice or by half.
func muchMigrations() []store.Migration {
	all := []store.Migration{{Room: "much", Version: 1, SQL: `CREATE TABLE steps (n INTEGER NOT NULL) STRICT; INSERT INTO steps VALUES (1);`}}
	for v := 2; v <= 60; v++ {
		all = append(all, store.Migration{Room: "much", Version: v, SQL: fmt.Sprintf(
			`CREATE TABLE t%d (x INTEGER) STRICT; INSERT INTO steps VALUES (%d); INSERT INTO t%d VALUES (%d);`, v, v, v, v)})
	}
	return all
}

func migrateMuch(dir string) error {
	fmt.Println("migrating")
	s, err := store.Open(context.Background(), dir, store.Options{Migrations: muchMigrations(), Durability: store.DurabilityFull})
	if err != nil {
		return err
	}
	return s.Close()
}

// A process killed while it migrates leaves a state from which the next goes on.
func TestKilledWhileMigrating(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	rnd := random(t)
	kills := 0
	for range 8 {
		migrator := child(t, "migrate", dir)
		out := start(t, migrator)
		if line, err := out.ReadString('\n'); line != "migrating\n" {
			t.Fatalf("the child says %q, %v", line, err)
		}
		<-time.After(time.Duration(rnd.IntN(8000)) * time.Microsecond)
		_ = migrator.Process.Kill()
		rest, err := io.ReadAll(out)
		if err != nil || len(rest) > 0 {
			t.Fatalf("the child says %q, %v", rest, err)
		}
		if err := migrator.Wait(); err != nil {
			kills++
		}
	}
	t.Logf("killed %d times", kills)
	s := open(t, dir, store.Options{Migrations: muchMigrations()})
	err := s.DB().Read(t.Context(), func(tx *sql.Tx) error {
		var n, different int
		if err := tx.QueryRow(`SELECT count(*), count(DISTINCT n) FROM steps`).Scan(&n, &different); err != nil {
			return err
		}
		if want := len(muchMigrations()); n != want || different != want {
			t.Errorf("%d steps ran, %d different ones; want %d", n, different, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
