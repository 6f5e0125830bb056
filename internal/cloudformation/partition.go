package cloudformation

import (
	"strings"

	"github.com/doorwright/doorwright/app"
)

// refusePartition refuses what has other names in the partitions of China, of AWS
// GovCloud and of others that stand alone: identity pools are another principal in trust
// policies, and another prefix of policy variables; a pool's domain is another host. The
// local stage has those of the partition aws, and so has the template.
// https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/govcloud-cog.html
func (s *synth) refusePartition(at app.Pos, what string) {
	for _, prefix := range []string{"cn-", "us-gov-", "us-iso", "eu-iso", "eusc-"} {
		if strings.HasPrefix(s.app.Region, prefix) {
			s.refuse(at, "give the stage another region", "%s cannot go to %s in this version: that region is of another partition of AWS, where its names are others", what, s.app.Region)
			return
		}
	}
}
