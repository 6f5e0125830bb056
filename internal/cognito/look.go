package cognito

import "context"

// getUICustomization shows that nothing was customized: "Returns an empty
// object if you haven't applied hosted UI branding to either the client or the
// user pool". SetUICustomization is not emulated: pages that load nothing but
// their own style have no use for another's, and to keep one that is not shown
// would be a silent success.
func (s *Service) getUICustomization(_ context.Context, c *call, in *customizationInput) (*customizationOutput, error) {
	return &customizationOutput{}, s.checkCustomized(c, in)
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
