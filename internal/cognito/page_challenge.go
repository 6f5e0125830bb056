package cognito

import (
	"context"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/oidc"
)

// pageChoice is a factor that a page offers.
type pageChoice struct{ Value, Label string }

// factorLabels say factors as people do.
var factorLabels = map[string]string{
	factorTOTP: "Authenticator app", factorSMS: "Text message", factorEmail: "E-mail",
}

// pageToken is a software token on its way into somebody's app: the key to type
// in, and the link that apps on the same device open
// (https://github.com/google/google-authenticator/wiki/Key-Uri-Format). There is
// no picture of it: one would be made by a script, or elsewhere.
type pageToken struct {
	Key string
	URI template.URL
}

// challenge shows the page of a challenge. Each challenge that the pages know
// has a case here and a handler that answers it through step; one that they do
// not know ends the sign-in.
func (d *domain) challenge(w http.ResponseWriter, r *http.Request, c *call, a *authorization, username string, out *authOutput) {
	f := &pageFlow{Challenge: out.ChallengeName, Session: out.Session, Username: username}
	parameters := out.ChallengeParameters
	switch out.ChallengeName {
	case challengeNewPassword:
		for _, name := range namesIn(parameters["requiredAttributes"]) {
			f.Required = append(f.Required, strings.TrimPrefix(name, "userAttributes."))
		}
	case factorTOTP:
		f.Device = parameters["FRIENDLY_DEVICE_NAME"]
	case factorSMS, factorEmail:
		f.Medium, f.Destination = parameters["CODE_DELIVERY_DELIVERY_MEDIUM"], parameters["CODE_DELIVERY_DESTINATION"]
	case challengeSelectMFA:
		f.Choices = namesIn(parameters["MFAS_CAN_CHOOSE"])
	case challengeMFASetup:
		// Nobody can set up SMS here: it takes a number that is verified.
		f.Choices = slices.DeleteFunc(namesIn(parameters["MFAS_CAN_SETUP"]), func(factor string) bool { return factor == factorSMS })
		switch {
		case len(f.Choices) == 0:
			d.deadEnd(w, c, "The user pool asks for a second factor by text message, and the account has no verified phone number. An administrator has to set it.", challengeMFASetup)
			return
		case slices.Equal(f.Choices, []string{factorTOTP}):
			d.showToken(w, r, c, a, f)
			return
		}
	default:
		d.deadEnd(w, c, "The next step is "+out.ChallengeName+", for which these pages have no form.", out.ChallengeName)
		return
	}
	d.show(w, r, c, a, d.flowPage(a, f, oidc.Params{}))
}

// deadEnd ends a sign-in that cannot go on at the pages.
func (d *domain) deadEnd(w http.ResponseWriter, c *call, why, challenge string) {
	c.event.Code = codeUnsupportedOperation
	c.note("the hosted pages cannot answer the challenge " + challenge)
	d.write(w, c, &hostedPage{
		Kind: "error", Title: "This sign-in cannot go on here.", status: http.StatusNotImplemented,
		Error: why, Footer: "A local user pool of Doorwright. Nobody was signed in.",
	}, "")
}

// namesIn gives the names of a challenge parameter, which is JSON text.
func namesIn(text string) []string {
	var names []string
	if json.Unmarshal([]byte(text), &names) != nil {
		return nil
	}
	return names
}

// flowPage gives the page that asks for a flow's answer. Form is what was
// filled in before.
func (d *domain) flowPage(a *authorization, f *pageFlow, form oidc.Params) *hostedPage {
	var p *hostedPage
	switch {
	case f.Challenge == challengeNewPassword:
		p = d.newPage("newPassword", "Change your password", "You signed in with a temporary password. Choose your own.", a)
		p.PasswordLabel = "New password"
		p.Fields = d.attributeFields(f.Required, form)
	case f.Challenge == factorTOTP:
		from := "your authenticator app"
		if f.Device != "" {
			from += " (" + f.Device + ")"
		}
		p = d.newPage("mfa", "Enter your code", "Enter the code that "+from+" shows.", a)
	case f.Challenge == factorSMS || f.Challenge == factorEmail:
		p = d.newPage("mfa", "Enter your code", sentTo(&codeDeliveryDetails{DeliveryMedium: f.Medium, Destination: f.Destination}), a)
	case f.Challenge == challengeSelectMFA:
		p = d.newPage("selectMfa", "Choose how to verify", "Your account has more than one second factor.", a)
		p.Choices = choicesOf(f.Choices)
	case f.Secret != "":
		p = d.newPage("verifyToken", "Set up your authenticator app", "Add this key to the app, then enter the code that it shows.", a)
		p.SetUp = d.tokenOf(f)
	default:
		p = d.newPage("setUpMfa", "Set up a second factor", "This account needs one. Choose how you get its codes.", a)
		p.Choices = choicesOf(slices.DeleteFunc(slices.Clone(f.Choices), func(factor string) bool { return factor == factorEmail }))
		p.AskEmail = slices.Contains(f.Choices, factorEmail)
	}
	p.flow, p.Username = f, f.Username
	return p
}

func choicesOf(factors []string) []pageChoice {
	var list []pageChoice
	for _, factor := range factors {
		list = append(list, pageChoice{factor, factorLabels[factor]})
	}
	return list
}

// tokenOf gives the software token of a flow for an app.
func (d *domain) tokenOf(f *pageFlow) *pageToken {
	issuer := d.pool.cfg.Name
	query := url.Values{"secret": {f.Secret}, "issuer": {issuer}}
	// Apps know %20 and not the plus sign of forms.
	uri := "otpauth://totp/" + url.PathEscape(issuer+":"+f.Username) + "?" + strings.ReplaceAll(query.Encode(), "+", "%20")
	return &pageToken{Key: f.Secret, URI: template.URL(uri)}
}

// resumed is posted for a form that goes on with a flow, which must be at one
// of the challenges.
func (d *domain) resumed(w http.ResponseWriter, r *http.Request, c *call, challenges ...string) (*authorization, oidc.Params, *pageFlow) {
	a, form := d.posted(w, r, c)
	if a == nil {
		return nil, oidc.Params{}, nil
	}
	f, err := d.openFlow(r, a, form.Get("flow"))
	if err == nil && !slices.Contains(challenges, f.Challenge) {
		err = bad(oidc.InvalidRequest, "the form's flow is at %s", f.Challenge)
	}
	if err != nil {
		d.stale(w, c, err)
		return nil, oidc.Params{}, nil
	}
	c.event.User = f.Username
	return a, form, f
}

// respond answers a flow's challenge as the API is answered.
func (d *domain) respond(ctx context.Context, c *call, a *authorization, f *pageFlow, answers map[string]string) (*authOutput, error) {
	answers["USERNAME"] = f.Username
	if hash := a.client.hash(f.Username); hash != "" {
		answers["SECRET_HASH"] = hash
	}
	return operate(ctx, d, c, "RespondToAuthChallenge", (*Service).respondToAuthChallenge, map[string]any{
		"ClientId": a.client.id, "ChallengeName": f.Challenge, "Session": f.Session, "ChallengeResponses": answers,
	})
}

// newPassword sets a user's own password in place of a temporary one.
func (d *domain) newPassword(w http.ResponseWriter, r *http.Request, c *call) {
	a, form, f := d.resumed(w, r, c, challengeNewPassword)
	if a == nil {
		return
	}
	names := d.fieldNames(form)
	p := d.flowPage(a, f, form)
	if form.Get("password") != form.Get("confirmPassword") {
		d.reject(w, r, c, a, p, passwordsDiffer())
		return
	}
	d.step(w, r, c, a, p, func(ctx context.Context) (*authOutput, error) {
		answers := map[string]string{"NEW_PASSWORD": form.Get("password")}
		for _, field := range answeredFields(names, form) {
			answers["userAttributes."+field.Name] = field.Value
		}
		return d.respond(ctx, c, a, f, answers)
	})
}

// fieldNames gives the attributes that a form has fields of and the pool knows.
func (d *domain) fieldNames(form oidc.Params) []string {
	var names []string
	for key := range form.All() {
		name, ok := strings.CutPrefix(key, "requiredAttributes[")
		name, closed := strings.CutSuffix(name, "]")
		if _, known := d.pool.schemaOf(name); ok && closed && known {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// answerFactor takes the code of a second factor.
func (d *domain) answerFactor(w http.ResponseWriter, r *http.Request, c *call) {
	a, form, f := d.resumed(w, r, c, factorTOTP, factorSMS, factorEmail)
	if a == nil {
		return
	}
	d.step(w, r, c, a, d.flowPage(a, f, form), func(ctx context.Context) (*authOutput, error) {
		return d.respond(ctx, c, a, f, map[string]string{f.Challenge + "_CODE": typedCode(form)})
	})
}

// typedCode gives the code of a form, without the blanks that apps show in it.
func typedCode(form oidc.Params) string {
	return strings.Join(strings.Fields(form.Get("code")), "")
}

// selectFactor goes on with the factor that the user chose.
func (d *domain) selectFactor(w http.ResponseWriter, r *http.Request, c *call) {
	a, form, f := d.resumed(w, r, c, challengeSelectMFA)
	if a == nil {
		return
	}
	d.step(w, r, c, a, d.flowPage(a, f, form), func(ctx context.Context) (*authOutput, error) {
		return d.respond(ctx, c, a, f, map[string]string{"ANSWER": form.Get("mfa")})
	})
}

// setUpFactor goes on with the factor that the user wants to set up.
func (d *domain) setUpFactor(w http.ResponseWriter, r *http.Request, c *call) {
	a, form, f := d.resumed(w, r, c, challengeMFASetup)
	if a == nil {
		return
	}
	chosen := form.Get("mfa")
	switch {
	case !slices.Contains(f.Choices, chosen):
		d.reject(w, r, c, a, d.flowPage(a, f, form), invalid("%s is not one of the MFA types of the user pool.", chosen))
	case chosen == factorTOTP:
		d.showToken(w, r, c, a, f)
	default:
		d.step(w, r, c, a, d.flowPage(a, f, form), func(ctx context.Context) (*authOutput, error) {
			if form.Get("email") == "" {
				return nil, missing("EMAIL")
			}
			return d.respond(ctx, c, a, f, map[string]string{"EMAIL": form.Get("email")})
		})
	}
}

// showToken gives out the key of a new software token.
func (d *domain) showToken(w http.ResponseWriter, r *http.Request, c *call, a *authorization, f *pageFlow) {
	out, err := operate(r.Context(), d, c, "AssociateSoftwareToken", (*Service).associateSoftwareToken, map[string]any{"Session": f.Session})
	if err != nil {
		d.reject(w, r, c, a, d.flowPage(a, f, oidc.Params{}), err)
		return
	}
	next := *f
	next.Session, next.Secret = out.Session, out.SecretCode
	d.show(w, r, c, a, d.flowPage(a, &next, oidc.Params{}))
}

var sixDigits = regexp.MustCompile(`^[0-9]{6}$`)

// verifyToken takes the first code of a new software token, and goes on.
func (d *domain) verifyToken(w http.ResponseWriter, r *http.Request, c *call) {
	a, form, f := d.resumed(w, r, c, challengeMFASetup)
	if a == nil {
		return
	}
	p := d.flowPage(a, f, form)
	d.step(w, r, c, a, p, func(ctx context.Context) (*authOutput, error) {
		code := typedCode(form)
		if !sixDigits.MatchString(code) {
			return nil, tokenMismatch()
		}
		out, err := operate(ctx, d, c, "VerifySoftwareToken", (*Service).verifySoftwareToken, map[string]any{"Session": f.Session, "UserCode": code})
		if err != nil {
			return nil, err
		}
		f.Session, f.Secret = out.Session, ""
		return d.respond(ctx, c, a, f, map[string]string{})
	})
}
