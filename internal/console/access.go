package console

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How long a link and a session are good, and how many there may be: the oldest
// makes room.
const (
	linkLife    = time.Hour
	sessionIdle = 12 * time.Hour
	maxLinks    = 16
	maxSessions = 16
)

// A Keyring holds what opens consoles: links that nobody has used and the
// sessions that came of used ones. It keeps hashes of both, in memory alone: they
// end with the process, and outlive a stage that starts again in it.
type Keyring struct {
	now func() time.Time

	mu       sync.Mutex
	links    []link     // guarded by mu; the oldest first
	sessions []*session // guarded by mu; the one that was used the longest ago first
}

type link struct {
	hash [sha256.Size]byte
	ends time.Time
}

// session is one browser that has opened a link.
type session struct {
	hash   [sha256.Size]byte
	stack  string
	origin string // the one at which it was opened, and is good
	csrf   string
	seen   time.Time
	theme  string
	flash  *flash
}

// flash is what the next page says of the last form.
type flash struct {
	Text string
	Bad  bool
}

// NewKeyring makes a keyring. The clock is time.Now if nil.
func NewKeyring(now func() time.Time) *Keyring {
	if now == nil {
		now = time.Now
	}
	return &Keyring{now: now}
}

// secret gives 256 random bits.
func secret() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// link makes the secret of a link.
func (k *Keyring) link() string {
	s := secret()
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.links) == maxLinks {
		k.links = append(k.links[:0], k.links[1:]...)
	}
	k.links = append(k.links, link{sha256.Sum256([]byte(s)), k.now().Add(linkLife)})
	return s
}

// open gives a session for the secret of a link, which is worth nothing from then
// on, and whether it was good.
func (k *Keyring) open(s, stack, origin string) (value string, ok bool) {
	hash := sha256.Sum256([]byte(s))
	k.mu.Lock()
	defer k.mu.Unlock()
	found := -1
	for i := range k.links { // all of them, always
		if subtle.ConstantTimeCompare(k.links[i].hash[:], hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return "", false
	}
	now, ends := k.now(), k.links[found].ends
	k.links = append(k.links[:found], k.links[found+1:]...)
	if !now.Before(ends) {
		return "", false
	}
	if len(k.sessions) == maxSessions {
		k.sessions = append(k.sessions[:0], k.sessions[1:]...)
	}
	value = secret()
	k.sessions = append(k.sessions, &session{hash: sha256.Sum256([]byte(value)), stack: stack, origin: origin, csrf: secret(), seen: now})
	return value, true
}

// visitor is a session at one request.
type visitor struct {
	session *session // its fields that change are the keyring's
	csrf    string
	theme   string
}

// session finds the session of a cookie's value. It is good for the stage and the
// origin at which it was opened alone.
func (k *Keyring) session(value, stack, origin string) (visitor, bool) {
	hash := sha256.Sum256([]byte(value))
	k.mu.Lock()
	defer k.mu.Unlock()
	found := -1
	for i, s := range k.sessions {
		if subtle.ConstantTimeCompare(s.hash[:], hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return visitor{}, false
	}
	s, now := k.sessions[found], k.now()
	if s.stack != stack || s.origin != origin {
		return visitor{}, false
	}
	k.sessions = append(k.sessions[:found], k.sessions[found+1:]...)
	if now.Sub(s.seen) > sessionIdle {
		return visitor{}, false
	}
	s.seen = now
	k.sessions = append(k.sessions, s)
	return visitor{session: s, csrf: s.csrf, theme: s.theme}, true
}

// alive says whether a session is still one, without using it.
func (k *Keyring) alive(s *session) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, of := range k.sessions {
		if of == s {
			return k.now().Sub(s.seen) <= sessionIdle
		}
	}
	return false
}

// end ends a session.
func (k *Keyring) end(s *session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, of := range k.sessions {
		if of == s {
			k.sessions = append(k.sessions[:i], k.sessions[i+1:]...)
			return
		}
	}
}

// say leaves what the session's next page says.
func (k *Keyring) say(s *session, f *flash) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s.flash = f
}

// said takes what there is to say.
func (k *Keyring) said(s *session) *flash {
	k.mu.Lock()
	defer k.mu.Unlock()
	f := s.flash
	s.flash = nil
	return f
}

func (k *Keyring) setTheme(s *session, theme string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s.theme = theme
}

// cookiePrefix begins the names of the console's cookies.
const cookiePrefix = "doorwright-console-"

// IsCookie says whether a cookie is a console's, of this stage or of another.
// Browsers send them to every server on the same name, whatever its port.
func IsCookie(name string) bool { return strings.HasPrefix(name, cookiePrefix) }

// cookieName carries port and stage, as cookies are not told apart by port: the
// consoles of two stages are open side by side.
func (c *Console) cookieName() string {
	return cookiePrefix + strconv.Itoa(c.cfg.Port) + "-" + c.cfg.Stack
}

// setCookie gives the browser its session; an empty value takes it.
func (c *Console) setCookie(w http.ResponseWriter, value string) {
	age := 0 // until the browser ends
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{Name: c.cookieName(), Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// visitor finds the session of a request.
func (c *Console) visitor(r *http.Request) (visitor, bool) {
	cookies := r.CookiesNamed(c.cookieName())
	if len(cookies) != 1 || len(cookies[0].Value) > 64 { // two: one of them is somebody else's
		return visitor{}, false
	}
	return c.cfg.Keys.session(cookies[0].Value, c.cfg.Stack, origin(r))
}

// origin is the one that a request was sent to. The listener has refused every
// Host that is not its own.
func origin(r *http.Request) string { return "http://" + r.Host }
