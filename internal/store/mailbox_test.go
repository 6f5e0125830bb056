package store_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/internal/store/storetest"
)

func list(t *testing.T, m *store.Mailbox) []store.Message {
	t.Helper()
	all, err := m.List()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestMailbox(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	opts := store.Options{Now: func() time.Time { return noon }}
	s := open(t, dir, opts)
	first := store.Message{
		To: "admin@example.com", Medium: "EMAIL", Subject: "Your verification code",
		Body: "Your confirmation code is 123456", Code: "123456",
		At: noon.Add(time.Hour), Pool: "us-east-1_AbCdEfGhI", User: "admin@example.com",
	}
	second := store.Message{To: "+15550100", Medium: "SMS", Body: "654321 <b>"}
	for _, m := range []store.Message{first, second} {
		if err := s.Mailbox().Deliver(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	second.At = noon // It had no time of its own.
	// By arrival: a message's own time does not count.
	if got, want := fmt.Sprint(list(t, s.Mailbox())), fmt.Sprint([]store.Message{second, first}); got != want {
		t.Errorf("List = %s, want %s", got, want)
	}
	closeStage(t, s)

	// The order survives a restart.
	s = open(t, dir, opts)
	third := store.Message{Body: "third", At: noon}
	if err := s.Mailbox().Deliver(t.Context(), third); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(list(t, s.Mailbox())), fmt.Sprint([]store.Message{third, second, first}); got != want {
		t.Errorf("List after reopening = %s, want %s", got, want)
	}

	// The files are for people and their programs.
	files, err := filepath.Glob(filepath.Join(dir, "mailbox", "*"))
	if err != nil || len(files) != 3 {
		t.Fatalf("the folder holds %v, %v", files, err)
	}
	name := regexp.MustCompile(`^[0-9]{12}-[A-Z2-7]{26}\.json$`)
	for _, f := range files {
		if !name.MatchString(filepath.Base(f)) {
			t.Errorf("a file is called %s", filepath.Base(f))
		}
	}
	data, err := os.ReadFile(files[0]) // Glob sorts: the oldest.
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]string
	if err := json.Unmarshal(data, &fields); err != nil || fields["code"] != "123456" || fields["to"] != "admin@example.com" || fields["at"] != "2026-11-20T13:00:00Z" {
		t.Errorf("the first file holds %s (%v)", data, err)
	}
}

func TestMailboxIsBounded(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	s := open(t, dir, store.Options{MailboxLimit: 5})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				if err := s.Mailbox().Deliver(t.Context(), store.Message{Body: "many"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := s.Mailbox().Deliver(t.Context(), store.Message{Body: "last"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Mailbox().Deliver(t.Context(), store.Message{Body: strings.Repeat("x", 128<<10)}); err == nil {
		t.Error("Deliver took a message over the bound")
	}
	count := func(want int) {
		t.Helper()
		files, err := os.ReadDir(s.Mailbox().Dir())
		if err != nil {
			t.Fatal(err)
		}
		if all := list(t, s.Mailbox()); len(all) != want || len(files) != want || all[0].Body != "last" {
			t.Errorf("%d messages in %d files, newest %q; want %d and last", len(all), len(files), all[0].Body, want)
		}
	}
	count(5)
	closeStage(t, s)
	s = open(t, dir, store.Options{MailboxLimit: 2})
	count(2)
}

// People may tidy up by hand, and leave files of their own.
func TestMailboxTidiedByHand(t *testing.T) {
	s := storetest.Open(t)
	for _, body := range []string{"a", "b"} {
		if err := s.Mailbox().Deliver(t.Context(), store.Message{Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(s.Mailbox().Dir(), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Mailbox().Dir(), "todo.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if all := list(t, s.Mailbox()); len(all) != 1 || all[0].Body != "b" {
		t.Errorf("List = %v", all)
	}
	if err := os.WriteFile(files[1], []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, err := s.Mailbox().List(); err == nil || all != nil || !strings.Contains(err.Error(), filepath.Base(files[1])) {
		t.Errorf("List of a broken file = %v, %v; want an error that names it", all, err)
	}
}

// TestMailboxKept: messages from a place on, one by its ID, and one less. An ID is one
// of a message, and no path.
func TestMailboxKept(t *testing.T) {
	s := open(t, store.Path(t.TempDir(), "dev"), store.Options{})
	m := s.Mailbox()
	for _, body := range []string{"first", "second", "third"} {
		if err := m.Deliver(t.Context(), store.Message{Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	bodies := func(first uint64, n int) string {
		kept, err := m.Since(first, n)
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, k := range kept {
			text += fmt.Sprint(k.Number, k.Body, " ")
		}
		return text
	}
	for got, want := range map[string]string{bodies(0, 10): "2third 1second 0first ", bodies(1, 10): "2third 1second ", bodies(0, 1): "2third ", bodies(3, 10): ""} {
		if got != want {
			t.Errorf("there is %q, want %q", got, want)
		}
	}
	kept, err := m.Since(1, 10)
	if err != nil {
		t.Fatal(err)
	}
	if k, ok, err := m.Find(kept[1].ID); err != nil || !ok || k.Body != "second" {
		t.Errorf("found %+v %v %v", k, ok, err)
	}
	for _, id := range []string{"", ".", "../state.db", kept[0].ID + "x"} {
		if _, ok, err := m.Find(id); ok || err != nil {
			t.Errorf("%q is a message: %v", id, err)
		}
		if err := m.Remove(id); err != nil {
			t.Errorf("removing %q: %v", id, err)
		}
	}
	if err := m.Remove(kept[1].ID); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := m.Find(kept[1].ID); ok || bodies(0, 10) != "2third 0first " {
		t.Errorf("after one was removed there is %q", bodies(0, 10))
	}
}
