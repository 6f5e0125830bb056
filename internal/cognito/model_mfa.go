package cognito

// The structures of the service's model that are about second factors.

type associateSoftwareTokenInput struct {
	AccessToken string `json:"AccessToken" shape:"TokenModelType"`
	Session     string `json:"Session" shape:"SessionType"`
}

type associateSoftwareTokenOutput struct {
	SecretCode string `json:"SecretCode"`
	Session    string `json:"Session,omitempty"`
}

type verifySoftwareTokenInput struct {
	AccessToken        string `json:"AccessToken" shape:"TokenModelType"`
	Session            string `json:"Session" shape:"SessionType"`
	UserCode           string `json:"UserCode" shape:"SoftwareTokenMFAUserCodeType" required:"true"`
	FriendlyDeviceName string `json:"FriendlyDeviceName" shape:"StringType"`
}

type verifySoftwareTokenOutput struct {
	Status  string `json:"Status"`
	Session string `json:"Session,omitempty"`
}

type mfaSettings struct {
	Enabled      bool `json:"Enabled"`
	PreferredMFA bool `json:"PreferredMfa"`
}

// setUserMFAPreferenceInput is that of SetUserMFAPreference.
type setUserMFAPreferenceInput struct {
	SMS           *mfaSettings `json:"SMSMfaSettings"`
	SoftwareToken *mfaSettings `json:"SoftwareTokenMfaSettings"`
	Email         *mfaSettings `json:"EmailMfaSettings"`
	WebAuthn      *mfaSettings `json:"WebAuthnMfaSettings"`
	AccessToken   string       `json:"AccessToken" shape:"TokenModelType" required:"true"`
}

type adminSetUserMFAPreferenceInput struct {
	SMS           *mfaSettings `json:"SMSMfaSettings"`
	SoftwareToken *mfaSettings `json:"SoftwareTokenMfaSettings"`
	Email         *mfaSettings `json:"EmailMfaSettings"`
	WebAuthn      *mfaSettings `json:"WebAuthnMfaSettings"`
	UserPoolID    string       `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	Username      string       `json:"Username" shape:"UsernameType" required:"true"`
}

// shownMFA is what operations show of a user's factors; nothing if none is on.
type shownMFA struct {
	Preferred string   `json:"PreferredMfaSetting,omitempty"`
	List      []string `json:"UserMFASettingList,omitempty"`
}

type getUserAuthFactorsOutput struct {
	Username string `json:"Username"`
	shownMFA
	ConfiguredUserAuthFactors []string `json:"ConfiguredUserAuthFactors,omitempty"`
}

type softwareTokenMfaConfig struct {
	Enabled bool `json:"Enabled"`
}

// smsMfaConfig has the text of SMS messages, and a sender, who does nothing
// here: no message leaves the machine.
type smsMfaConfig struct {
	SmsAuthenticationMessage string            `json:"SmsAuthenticationMessage,omitempty" shape:"SmsVerificationMessageType"`
	SmsConfiguration         *smsConfiguration `json:"SmsConfiguration,omitempty"`
}

type emailMfaConfig struct {
	Message string `json:"Message,omitempty" shape:"EmailVerificationMessageType"`
	Subject string `json:"Subject,omitempty" shape:"EmailMfaSubjectType"`
}

type webAuthnConfig struct{}

type setUserPoolMfaConfigInput struct {
	UserPoolID       string                  `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	SMS              *smsMfaConfig           `json:"SmsMfaConfiguration"`
	SoftwareToken    *softwareTokenMfaConfig `json:"SoftwareTokenMfaConfiguration"`
	Email            *emailMfaConfig         `json:"EmailMfaConfiguration"`
	MfaConfiguration string                  `json:"MfaConfiguration" shape:"UserPoolMfaType"`
	WebAuthn         *webAuthnConfig         `json:"WebAuthnConfiguration"`
}

type userPoolMfaConfig struct {
	SMS              *smsMfaConfig           `json:"SmsMfaConfiguration,omitempty"`
	SoftwareToken    *softwareTokenMfaConfig `json:"SoftwareTokenMfaConfiguration,omitempty"`
	Email            *emailMfaConfig         `json:"EmailMfaConfiguration,omitempty"`
	MfaConfiguration string                  `json:"MfaConfiguration"`
}
