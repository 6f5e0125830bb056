package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/matrix"
	"github.com/doorwright/doorwright/internal/tty"
)

// story is one request: what became of it, why, and how it would have got in.
type story struct {
	*explain.Explanation
	// Sentence is the verdict, without the status that stands before it.
	Sentence string
	// Told is the text of `doorwright explain`.
	Told string
	// Curl sends the request again, with what was left out to be filled in.
	Curl string
	// Back is the page that leads here, which BackTo names.
	Back, BackTo string
	// Caller is whose request it would be, of a cell of the matrix.
	Caller *matrix.Column
}

func (c *Console) showRequest(r *http.Request) (string, any, error) {
	x, ok := c.cfg.Story(r.PathValue("id"))
	if !ok {
		return "", nil, notFound("This request is not kept any more: the last ones are, until the stage ends.")
	}
	s := c.story(x)
	s.Back, s.BackTo = "/requests", "Requests"
	return x.Method + " " + x.Path, s, nil
}

func (c *Console) story(x *explain.Explanation) story {
	return story{Explanation: x, Sentence: strings.TrimPrefix(x.Verdict, strconv.Itoa(x.Status)+" "), Told: x.Text(), Curl: c.curl(x)}
}

// curl gives the request as a command, or "" for one to another service.
func (c *Console) curl(x *explain.Explanation) string {
	if c.cfg.Routes == nil {
		return ""
	}
	for _, route := range c.cfg.Routes() {
		if route.API != x.Source {
			continue
		}
		command := "curl -i"
		if x.Method != http.MethodGet {
			command += " -X " + tty.ShellWord(x.Method)
		}
		// Path is what was asked of the listener: with the stage, if there is one.
		base := route.URL
		if i := strings.Index(base, "://"); i >= 0 {
			if j := strings.Index(base[i+3:], "/"); j >= 0 {
				base = base[:i+3+j]
			}
		}
		if x.Route == "" || route.Key == x.Route && (route.Type == "jwt" || route.Type == "user_pool") {
			command += ` -H "Authorization: Bearer $TOKEN"`
		}
		if route.Key == x.Route && route.Type == "iam" {
			command += " --aws-sigv4 aws:amz:" + c.cfg.Region + `:execute-api --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"`
		}
		if x.Route == "" || route.Key == x.Route {
			return command + " " + tty.ShellWord(base+x.Path)
		}
	}
	return ""
}
