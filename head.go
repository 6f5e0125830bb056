package doorwright

import (
	"bytes"
	"sync"
)

// maxHead bounds what is kept. API Gateway refuses heads long before.
const maxHead = 16 << 10

// A head keeps the bytes of a request's head as they come, for an API whose
// events have header names as they were spelled (gateway.Head).
type head struct {
	mu      sync.Mutex
	keeping bool   // guarded by mu
	bytes   []byte // guarded by mu
}

// begin forgets the last request's head. The next one's first byte may have
// been read by then, as net/http looks whether the client is still there.
func (h *head) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keeping, h.bytes = true, h.bytes[:0]
}

// add keeps what was read, to the empty line that ends a head.
func (h *head) add(p []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.keeping || len(p) == 0 {
		return
	}
	from := max(len(h.bytes)-3, 0)
	h.bytes = append(h.bytes, p[:min(len(p), maxHead-len(h.bytes))]...)
	for _, end := range [...]string{"\r\n\r\n", "\n\n", "\n\r\n"} {
		if i := bytes.Index(h.bytes[from:], []byte(end)); i >= 0 {
			h.bytes, h.keeping = h.bytes[:from+i], false
			return
		}
	}
	if len(h.bytes) == maxHead {
		h.bytes, h.keeping = nil, false
	}
}

// Head gives a copy of the head, or nothing of one that is too large.
func (v *visitor) Head() []byte {
	v.head.mu.Lock()
	defer v.head.mu.Unlock()
	return bytes.Clone(v.head.bytes)
}

// Read keeps heads, where the crowd does.
func (v *visitor) Read(p []byte) (int, error) {
	n, err := v.Conn.Read(p)
	if v.crowd.keepHeads {
		v.head.add(p[:n])
	}
	return n, err
}
