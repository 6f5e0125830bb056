package cognito

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/doorwright/doorwright/internal/oidc"
)

// pageFlow is what the hosted pages remember of a sign-in between two of its
// steps. Their forms carry it, sealed for one browser and one request: a form
// that another browser sends, or that belongs to another application's sign-in,
// is worth nothing. The API's session is in it and nowhere else on the page;
// who is signed in here gets the scopes of the request and not those of the API.
type pageFlow struct {
	// Challenge is what is to be answered, under Session.
	Challenge string `json:"c"`
	Session   string `json:"s,omitempty"`
	// Username is what the user typed.
	Username string `json:"u"`
	// Required are the attributes that come with a new password, Choices the
	// factors that the user can choose from.
	Required []string `json:"r,omitempty"`
	Choices  []string `json:"o,omitempty"`
	// Medium and Destination are where a code went, masked; Device is the name
	// of a software token.
	Medium      string `json:"m,omitempty"`
	Destination string `json:"d,omitempty"`
	Device      string `json:"v,omitempty"`
	// Secret is the key of the software token that is being set up.
	Secret string `json:"k,omitempty"`
	// Sub and Mark are of the user who signed up in this browser with a password,
	// or gave it before the code; Expires is until when, in milliseconds since the
	// epoch.
	Sub     string `json:"i,omitempty"`
	Mark    []byte `json:"p,omitempty"`
	Expires int64  `json:"e,omitempty"`
}

// flowCipher gives the AEAD of a pool's flows.
func (d *domain) flowCipher() (cipher.AEAD, error) {
	block, err := aes.NewCipher(d.pool.mac("page flow"))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// flowData is what a flow is bound to.
func (d *domain) flowData(browser string, a *authorization) []byte {
	return d.pool.mac("page flow of", browser, a.client.id, a.query())
}

func (d *domain) sealFlow(browser string, a *authorization, f *pageFlow) (string, error) {
	plain, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	aead, err := d.flowCipher()
	if err != nil {
		return "", fmt.Errorf("sealing what a page carries: %w", err)
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, plain, d.flowData(browser, a))), nil
}

// openFlow gives the flow that a form of this browser carries, or refuses it.
func (d *domain) openFlow(r *http.Request, a *authorization, text string) (*pageFlow, error) {
	foreign := bad(oidc.InvalidRequest, "the form's flow is not one of this browser and this request")
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, foreign
	}
	aead, err := d.flowCipher()
	if err != nil {
		return nil, fmt.Errorf("opening what a page carries: %w", err)
	}
	if len(sealed) < aead.NonceSize() {
		return nil, foreign
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], d.flowData(d.engine.BrowserOf(r), a))
	if err != nil {
		return nil, foreign
	}
	f := &pageFlow{}
	if err := json.Unmarshal(plain, f); err != nil {
		return nil, fmt.Errorf("reading what a page carries: %w", err)
	}
	return f, nil
}
