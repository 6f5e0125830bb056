package console

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pageMails is how many messages the page of the mailbox shows.
const pageMails = 100

// Mails is the topic of the mailbox. No Event has it: what is in a message is secret,
// and not in the feed. That one was sent wakes who listens.
const Mails Topic = "mails"

// KindCode is the Kind of the events that tell that a message was sent.
const KindCode = "code"

// Mail is a message that AWS, or Auth0, would have sent.
type Mail struct {
	ID     string
	Number uint64 // each has a greater one than those before
	At     time.Time
	// To is the address or the phone number, Medium EMAIL or SMS.
	To, Medium, Subject, Body string
	// Code is the code, the temporary password or the link in it, and Purpose what it
	// is for.
	Code, Purpose string
	// Kind, Place and User are whom it is about. Place is "" for a pool that was made at
	// run time.
	Kind, Place, User string
	// Confirms says that the code confirms a sign-up.
	Confirms bool
}

// IsLink says whether what was sent is opened, and not typed.
func (m *Mail) IsLink() bool {
	return strings.HasPrefix(m.Code, "http://") || strings.HasPrefix(m.Code, "https://")
}

// UserPath is where the page of the user is, or "".
func (m *Mail) UserPath() string {
	if m.Place == "" || m.User == "" {
		return ""
	}
	return (&Place{Kind: m.Kind, Name: m.Place}).pathOf(m.User)
}

// Mailbox is what the page of the mailbox needs.
type Mailbox struct {
	// Since gives the newest n of the messages with a Number of first or more, the newest
	// first.
	Since func(first uint64, n int) ([]Mail, error)
	// Confirm confirms the sign-up that a message's code is for, by the service.
	Confirm func(ctx context.Context, id string) error
	Remove  func(id string) error
}

func hasMailbox(cfg *Config) bool { return cfg.Mailbox.Since != nil }

// mailRow is a message with the token of its forms.
type mailRow struct {
	Mail
	CSRF string
	// Error and Fix are why it was not confirmed.
	Error, Fix string
}

type mailboxPage struct {
	Mails []mailRow
	Live  string
	Limit int
}

func (c *Console) mailbox(r *http.Request) (*mailboxPage, error) {
	mails, err := c.cfg.Mailbox.Since(0, pageMails)
	if err != nil {
		return nil, err
	}
	p, next := &mailboxPage{Limit: pageMails}, uint64(0)
	for _, m := range mails {
		p.Mails = append(p.Mails, mailRow{Mail: m, CSRF: visitorOf(r).csrf})
		next = max(next, m.Number+1)
	}
	p.Live = "/events?" + url.Values{"topic": {string(Mails)}, "after": {strconv.FormatUint(next, 10)}}.Encode()
	return p, nil
}

func (c *Console) showMailbox(r *http.Request) (string, any, error) {
	p, err := c.mailbox(r)
	return "Mailbox", p, err
}

// doMail confirms a sign-up by the code of a message, or removes the message.
func (c *Console) doMail(r *http.Request) (done, error) {
	id := r.PostForm.Get("id")
	page := done{to: "/mailbox"}
	switch r.PostForm.Get("do") {
	case "remove":
		page.text = "The message is deleted."
		return page, c.cfg.Mailbox.Remove(id)
	case "confirm":
	default:
		return done{}, invalid("There is no such change.")
	}
	refused := c.cfg.Mailbox.Confirm(r.Context(), id)
	if refused == nil {
		page.text = "Confirmed."
		return page, nil
	}
	p, err := c.mailbox(r)
	if err != nil {
		return done{}, err
	}
	i := slices.IndexFunc(p.Mails, func(m mailRow) bool { return m.ID == id })
	if i < 0 {
		return page, invalid("This message is not kept any more.")
	}
	p.Mails[i].Error, p.Mails[i].Fix = refusal(refused)
	return done{title: "Mailbox", again: p}, nil
}

// mails sends the messages that came after those that were sent.
func (s *sender) mails() bool {
	mails, err := s.c.cfg.Mailbox.Since(s.next, pageMails)
	if err != nil {
		s.c.cfg.Log("showing a message: " + err.Error())
		return false
	}
	for _, m := range slices.Backward(mails) {
		var fragment bytes.Buffer
		if err := s.c.render(&fragment, s.page, s.fragment, &mailRow{Mail: m, CSRF: s.csrf}); err != nil {
			s.c.cfg.Log("showing a message: " + err.Error())
			return false
		}
		if !s.data(m.Number+1, fragment.Bytes()) {
			return false
		}
		s.next = m.Number + 1
	}
	return true
}
