package cognito

import "context"

// getUICustomization shows that nothing was customized: "Returns an empty
// object if you haven't applied hosted UI branding to either the client or the
// user pool".
func (s *Service) getUICustomization(_ context.Context, c *call, in *customizationInput) (*customizationOutput, error) {
	return &customizationOutput{}, s.checkCustomized(c, in)
}

// setUICustomization refuses: "To use this API, your user pool must have a
// domain associated with it", and there is none.
func (s *Service) setUICustomization(_ context.Context, c *call, in *customizationInput) (*customizationOutput, error) {
	if err := s.checkCustomized(c, in); err != nil {
		return nil, err
	}
	return nil, invalid("There has to be an existing domain associated with this user pool")
}

// checkCustomized refuses pools and clients that do not exist. "ALL" stands
// for all clients.
func (s *Service) checkCustomized(c *call, in *customizationInput) error {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return err
	}
	if in.ClientID != "" && in.ClientID != "ALL" && p.clientOfID(in.ClientID) == nil {
		return noClient(in.ClientID)
	}
	return nil
}
