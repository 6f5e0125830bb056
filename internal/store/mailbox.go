package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Message is a message that AWS, or Auth0, would have sent by e-mail or SMS.
type Message struct {
	// To is the address or the phone number.
	To string `json:"to"`
	// Medium is "EMAIL" or "SMS".
	Medium string `json:"medium"`
	// Subject is an e-mail's subject.
	Subject string `json:"subject,omitempty"`
	// Body is the text, as the receiver would see it.
	Body string `json:"body"`
	// Code is the code in the text, for whoever reads the file with a program.
	Code string `json:"code,omitempty"`
	// At is when it was sent; the time of delivery if zero.
	At time.Time `json:"at"`
	// Pool is the user pool's id.
	Pool string `json:"pool,omitempty"`
	// Purpose says what the code is for, in the words of who sent it: "sign-up",
	// "password reset".
	Purpose string `json:"purpose,omitempty"`
	// Tenant is the tenant's name, of a message that Auth0 would have sent. Code is
	// then the link.
	Tenant string `json:"tenant,omitempty"`
	// User is the user's name in the pool, or id in the tenant.
	User string `json:"user,omitempty"`
}

// maxMessage bounds a message's file. Cognito's own bound on a message is
// 20,000 characters (API_MessageTemplateType).
const maxMessage = 128 << 10

// Mailbox keeps the messages of a stage, one JSON file each, and never sends
// any. The oldest go when it is full.
type Mailbox struct {
	dir   string
	limit int
	now   func() time.Time

	mu    sync.Mutex // guards names and next, and the folder's files
	names []string   // oldest first; the files that are there
	next  uint64     // number of the next message
}

func openMailbox(dir string, limit int, now func() time.Time) (*Mailbox, error) {
	if err := makePrivate(dir); err != nil {
		return nil, fmt.Errorf("opening the mailbox: %w", err)
	}
	if err := sweep(dir); err != nil {
		return nil, fmt.Errorf("opening the mailbox: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the mailbox: %w", err)
	}
	m := &Mailbox{dir: dir, limit: limit, now: now}
	for _, e := range entries { // Sorted by name, so oldest first.
		n, ok := messageNumber(e.Name())
		if !ok {
			continue
		}
		m.names = append(m.names, e.Name())
		m.next = max(m.next, n+1)
	}
	if err := m.prune(); err != nil {
		return nil, fmt.Errorf("opening the mailbox: %w", err)
	}
	return m, nil
}

// messageNumber reads the number in a message's file name.
func messageNumber(name string) (uint64, bool) {
	number, _, ok := strings.Cut(name, "-")
	if !ok || len(number) != 12 || !strings.HasSuffix(name, ".json") {
		return 0, false
	}
	n, err := strconv.ParseUint(number, 10, 63)
	return n, err == nil
}

// Dir gives the mailbox's folder, to tell the user where to look.
func (m *Mailbox) Dir() string { return m.dir }

// Deliver keeps a message. Files appear whole, under a name that sorts by
// arrival and cannot be guessed.
func (m *Mailbox) Deliver(ctx context.Context, msg Message) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("delivering a message: %w", err)
	}
	if msg.At.IsZero() {
		msg.At = m.now()
	}
	data, err := json.MarshalIndent(msg, "", "  ")
	if err != nil {
		return fmt.Errorf("delivering a message: %w", err)
	}
	if len(data) > maxMessage {
		return fmt.Errorf("delivering a message: it takes %d bytes; the mailbox takes %d", len(data), maxMessage)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	name := fmt.Sprintf("%012d-%s.json", m.next, rand.Text())
	if err := writeFile(filepath.Join(m.dir, name), append(data, '\n')); err != nil {
		return fmt.Errorf("delivering a message: %w", explain(m.dir, err))
	}
	m.next++
	m.names = append(m.names, name)
	return m.prune()
}

// prune removes the oldest messages over the limit. m.mu is held.
func (m *Mailbox) prune() error {
	for len(m.names) > m.limit {
		if err := removeIfThere(filepath.Join(m.dir, m.names[0])); err != nil {
			return fmt.Errorf("removing an old message: %w", err)
		}
		m.names = slices.Delete(m.names, 0, 1)
	}
	return nil
}

// Kept is a message that the mailbox has.
type Kept struct {
	// ID names it to Find and Remove; Number is its place: each has a greater one than
	// those before.
	ID     string
	Number uint64
	Message
}

// List gives the messages, newest first.
func (m *Mailbox) List() ([]Message, error) {
	kept, err := m.Since(0, m.limit)
	var all []Message
	for _, k := range kept {
		all = append(all, k.Message)
	}
	return all, err
}

// Since gives the newest n of the messages whose Number is at least first, the newest
// first.
func (m *Mailbox) Since(first uint64, n int) ([]Kept, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Kept
	for _, name := range slices.Backward(m.names) {
		if number, _ := messageNumber(name); number < first || len(all) >= n {
			break
		}
		k, err := m.read(name)
		if os.IsNotExist(err) {
			continue // The user may clear the folder by hand.
		}
		if err != nil {
			return nil, fmt.Errorf("listing the mailbox: %w", err)
		}
		all = append(all, k)
	}
	return all, nil
}

// Find gives a message, and whether there is one of that ID.
func (m *Mailbox) Find(id string) (Kept, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.names, id) {
		return Kept{}, false, nil
	}
	k, err := m.read(id)
	if os.IsNotExist(err) {
		return Kept{}, false, nil
	}
	if err != nil {
		return Kept{}, false, fmt.Errorf("reading the mailbox: %w", err)
	}
	return k, true, nil
}

// Remove takes a message out. One that is not there is removed already.
func (m *Mailbox) Remove(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.Index(m.names, id)
	if i < 0 {
		return nil
	}
	if err := removeIfThere(filepath.Join(m.dir, id)); err != nil {
		return fmt.Errorf("removing a message: %w", err)
	}
	m.names = slices.Delete(m.names, i, i+1)
	return nil
}

// read reads a message's file. m.mu is held.
func (m *Mailbox) read(name string) (Kept, error) {
	data, err := ReadFile(filepath.Join(m.dir, name), maxMessage+1) // and the end of its line
	if err != nil {
		return Kept{}, err
	}
	k := Kept{ID: name}
	k.Number, _ = messageNumber(name)
	if err := json.Unmarshal(data, &k.Message); err != nil {
		return Kept{}, fmt.Errorf("reading %s: %w", name, err)
	}
	return k, nil
}
