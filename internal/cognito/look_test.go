package cognito_test

import (
	"encoding/base64"
	"strings"
	"testing"
)

const (
	lookCSS  = "/* ours */ .submitButton-customizable:hover, .label-customizable { color: rgb(1, 2, 3); font-weight: 400 }"
	lookRule = "body .submitButton-customizable:hover, body .label-customizable { color: rgb(1, 2, 3); font-weight: 400; }\n"
)

var pngImage = "\x89PNG\r\n\x1a\n" + strings.Repeat("x", 100)

// The look of one client is on its pages, that of all on the others'; it is
// kept, and gone with an empty one.
func TestUICustomization(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	of := func(client string) obj {
		return w.do("GetUICustomization", obj{"UserPoolId": w.pool(), "ClientId": client})["UICustomization"].(obj)
	}
	if a := w.send("GetUICustomization", obj{"UserPoolId": w.pool()}); a.body != `{"UICustomization":{}}` {
		t.Errorf("before: %s", a.body)
	}
	set := w.do("SetUICustomization", obj{"UserPoolId": w.pool(), "CSS": ".banner-customizable { background: #fff; }"})["UICustomization"].(obj)
	if set["ClientId"] != "ALL" || set["CSS"] == "" || set["ImageUrl"] != nil {
		t.Errorf("for all: %v", set)
	}
	w.do("SetUICustomization", obj{
		"UserPoolId": w.pool(), "ClientId": w.client("web"), "CSS": lookCSS, "ImageFile": base64.StdEncoding.EncodeToString([]byte(pngImage)),
	})
	w.restart()
	web := of(w.client("web"))
	if web["ClientId"] != w.client("web") || web["CSS"] != lookCSS || of(w.client("other"))["ClientId"] != "ALL" {
		t.Errorf("of web: %v; of other: %v", web, of(w.client("other")))
	}
	b := w.browser()
	page := b.get("/login?" + w.requestQuery())
	if !strings.Contains(page.body, `href="/assets/look.css?client_id=`+w.client("web")+`"`) || !strings.Contains(page.body, `src="/assets/logo?client_id=`+w.client("web")+`"`) ||
		!strings.HasPrefix(page.header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'; img-src 'self' data:; ") {
		t.Errorf("the page: %v\n%s", page.header, page.body)
	}
	css := b.get("/assets/look.css?client_id=" + w.client("web"))
	if css.body != lookRule || css.header.Get("Content-Type") != "text/css; charset=utf-8" || css.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the style: %v\n%s", css.header, css.body)
	}
	logo := b.get(strings.TrimPrefix(web["ImageUrl"].(string), w.origin()))
	if logo.body != pngImage || logo.header.Get("Content-Type") != "image/png" {
		t.Errorf("the logo: %v", logo.header)
	}
	if other := b.get("/assets/look.css?client_id=" + w.client("other")).body; other != "body .banner-customizable { background: #fff; }\n" {
		t.Errorf("of the other client: %s", other)
	}
	w.do("SetUICustomization", obj{"UserPoolId": w.pool(), "ClientId": w.client("web")})
	w.do("SetUICustomization", obj{"UserPoolId": w.pool(), "ClientId": "ALL"})
	if a := w.send("GetUICustomization", obj{"UserPoolId": w.pool()}); a.body != `{"UICustomization":{}}` || b.get("/assets/look.css?client_id="+w.client("web")).status != 404 {
		t.Errorf("after: %s", a.body)
	}
}

// Nothing that loads, and nothing that is not understood, comes on a page.
func TestUICustomizationIsRefused(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	refused := func(in obj) {
		t.Helper()
		if a := w.send("SetUICustomization", in); a.status != 400 || !strings.HasPrefix(a.body, `{"__type":"InvalidParameterException","message":"`) {
			t.Errorf("%v: %d %s", in, a.status, a.body)
		}
	}
	for _, css := range []string{
		".other { color: red }", "body { color: red }", ".label-customizable > a { color: red }", `.label-customizable[value^="a"] { color: red }`,
		"@import 'x'; .label-customizable { color: red }", "@media print { .label-customizable { color: red } }",
		".label-customizable { background: url(https://evil.example/) }", ".label-customizable { background: URL (x) }",
		".label-customizable { background: image-set('x' 1x) }", ".label-customizable { width: expression(alert(1)) }",
		`.label-customizable { background: u\72l(x) }`, ".label-customizable { color: red", ".label-customizable", ".label-customizable { color }",
		".label-customizable { color: red } </style><script>", "/* .label-customizable { color: red }", ".label-customizable { content: '<b>' }",
		".label-customizable:visited { color: red }", ".label-customizable { --x: red; color: var(--x) }",
	} {
		refused(obj{"UserPoolId": w.pool(), "CSS": css})
	}
	for _, image := range []string{"%%%", base64.StdEncoding.EncodeToString([]byte("<svg onload=alert(1)>")), base64.StdEncoding.EncodeToString([]byte("GIF89a"))} {
		refused(obj{"UserPoolId": w.pool(), "ImageFile": image})
	}
	w.refused("SetUICustomization", obj{"UserPoolId": w.pool(), "ClientId": "nosuch", "CSS": ""}, "ResourceNotFoundException", "User pool client nosuch does not exist.")
	w.refused("GetUICustomization", obj{"UserPoolId": "us-east-1_nosuch"}, "ResourceNotFoundException", "User pool us-east-1_nosuch does not exist.")
	if a := w.send("GetUICustomization", obj{"UserPoolId": w.pool()}); a.body != `{"UICustomization":{}}` {
		t.Errorf("after refusals: %s", a.body)
	}
	plain := newWorld(t, emailPool())
	plain.refused("SetUICustomization", obj{"UserPoolId": plain.pool(), "CSS": ""}, "InvalidParameterException", "There has to be an existing domain associated with this user pool")
}
