package stack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A service is one of AWS that is asked a question or two, of which a deploy reads a
// few fields. What the SDK has for each of them would be several megabytes of this
// program; its signer, its HTTP client and its configuration are used all the same.
type service struct {
	id     string // as the SDK's configuration names it: AWS_ENDPOINT_URL_IAM
	name   string // as requests are signed for it, and as its host begins
	target string // of X-Amz-Target; "" speaks AWS's query protocol, unless rest is set
	rest   bool   // an operation is a path, which is got
}

var (
	iamService     = service{id: "IAM", name: "iam"}
	cognitoService = service{id: "Cognito Identity Provider", name: "cognito-idp", target: "AWSCognitoIdentityProviderService"}
	gatewayService = service{id: "API Gateway", name: "apigateway", rest: true}
	secretsService = service{id: "Secrets Manager", name: "secretsmanager", target: "secretsmanager"}
)

// endpoint gives the address that is configured for a service, or "": the service's own
// before that of all.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func (s *Stack) endpoint(svc service) string {
	all := aws.ToString(s.cfg.AWS.BaseEndpoint)
	_, general := os.LookupEnv("AWS_ENDPOINT_URL")
	_, special := os.LookupEnv("AWS_ENDPOINT_URL_" + strings.ToUpper(strings.ReplaceAll(svc.id, " ", "_")))
	if general && !special {
		return all // what the environment says of all comes before what a file says of one
	}
	for _, source := range s.cfg.AWS.ConfigSources {
		if c, ok := source.(interface {
			GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error)
		}); ok {
			if ignore, found, err := c.GetIgnoreConfiguredEndpoints(context.Background()); err == nil && found && ignore {
				return all
			}
		}
	}
	for _, source := range s.cfg.AWS.ConfigSources {
		if c, ok := source.(interface {
			GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
		}); ok {
			if url, found, err := c.GetServiceBaseEndpoint(context.Background(), svc.id); err == nil && found {
				return url
			}
		}
	}
	return all
}

// address gives a service's address and the region that its requests are signed for.
// IAM is one for a partition.
// https://docs.aws.amazon.com/general/latest/gr/iam-service.html
func (s *Stack) address(svc service) (address, signedFor string) {
	region, suffix, fips := s.target.Region, "amazonaws.com", ""
	for _, source := range s.cfg.AWS.ConfigSources {
		if c, ok := source.(interface {
			GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error)
		}); ok {
			if state, found, err := c.GetUseFIPSEndpoint(context.Background()); err == nil && found {
				if state == aws.FIPSEndpointStateEnabled {
					fips = "-fips"
				}
				break
			}
		}
	}
	if s.target.partition == "aws-cn" {
		suffix += ".cn"
	}
	host := svc.name + fips + "." + region + "." + suffix
	if svc == iamService {
		switch s.target.partition {
		case "aws-cn":
			host, region = "iam.cn-north-1."+suffix, "cn-north-1"
		case "aws-us-gov":
			host, region = "iam.us-gov."+suffix, "us-gov-west-1"
		default:
			host, region = "iam"+fips+"."+suffix, "us-east-1"
		}
	}
	if configured := s.endpoint(svc); configured != "" {
		return configured, region
	}
	return "https://" + host, region
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 4 << 20

// ask puts a question to a service and reads the answer into out. in is what becomes
// JSON, or url.Values for the query protocol. Each question may be repeated.
func (s *Stack) ask(ctx context.Context, doing string, svc service, operation string, in, out any) error {
	return s.call(ctx, doing, func() error {
		body, contentType := []byte(nil), "application/x-amz-json-1.1"
		if form, ok := in.(url.Values); ok {
			body, contentType = []byte(form.Encode()), "application/x-www-form-urlencoded; charset=utf-8"
		} else {
			var err error
			if body, err = json.Marshal(in); err != nil {
				return err
			}
		}
		address, region := s.address(svc)
		method, path := http.MethodPost, "/"
		if svc.rest {
			method, path, body, contentType = http.MethodGet, "/"+operation, nil, "application/json"
		}
		req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(address, "/")+path, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", contentType)
		if svc.rest {
			req.Header.Set("Accept", contentType) // else API Gateway answers in HAL
		}
		if svc.target != "" {
			req.Header.Set("X-Amz-Target", svc.target+"."+operation)
		}
		keys, err := s.cfg.AWS.Credentials.Retrieve(ctx)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		if err := v4.NewSigner().SignHTTP(ctx, keys, req, hex.EncodeToString(sum[:]), svc.name, region, s.cfg.Now()); err != nil {
			return err
		}
		resp, err := s.http.Do(req)
		if err != nil {
			return &smithyhttp.RequestSendError{Err: err} // which is tried again
		}
		defer resp.Body.Close()
		return readAnswer(svc, resp, out)
	})
}

func readAnswer(svc service, resp *http.Response, out any) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return &smithyhttp.RequestSendError{Err: err}
	case len(text) > maxAnswer:
		return fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	case resp.StatusCode != http.StatusOK:
		return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: resp}, Err: answerError(svc, resp.Header, text)}
	case svc.target == "" && !svc.rest:
		err = xml.Unmarshal(text, out)
	default:
		err = json.Unmarshal(text, out)
	}
	if err != nil {
		return fmt.Errorf("the answer is not %s's: %w", svc.id, err)
	}
	return nil
}

// answerError gives the error that a service answers with.
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization
// https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
func answerError(svc service, header http.Header, text []byte) error {
	e := &smithy.GenericAPIError{Code: "UnknownError", Message: "no error of AWS came with that"}
	if svc.target == "" && !svc.rest {
		var x struct {
			Code    string `xml:"Error>Code"`
			Message string `xml:"Error>Message"`
		}
		if xml.Unmarshal(text, &x) == nil && x.Code != "" {
			e.Code, e.Message = x.Code, x.Message
		}
		return e
	}
	var j struct {
		Type    string `json:"__type"`
		Message string `json:"message"` // or Message: encoding/json takes both
	}
	parsed := json.Unmarshal(text, &j) == nil
	if kind := header.Get("X-Amzn-ErrorType"); svc.rest && kind != "" {
		j.Type = kind
	}
	if parsed && j.Type != "" {
		e.Code, e.Message = j.Type[strings.LastIndexByte(j.Type, '#')+1:], j.Message
		e.Code, _, _ = strings.Cut(e.Code, ":")
	}
	return e
}

// missing says whether an error is AWS's word for what is not there.
func missing(err error) bool {
	var e smithy.APIError
	if !errors.As(err, &e) {
		return false
	}
	return e.ErrorCode() == "ResourceNotFoundException" || e.ErrorCode() == "NoSuchEntity"
}
