package cloudformation

// retain keeps a resource that is taken from the stack, or replaced in it.
const retain = "Retain"

// protected says whether the stage's data is kept from mistakes: what holds it refuses to
// be deleted, can be set back, and outlives its stack.
func (s *synth) protected() bool { return *s.app.Protected }

// addData adds a resource that holds what users have put in.
func (s *synth) addData(id string, r Resource) {
	if s.protected() {
		r.DeletionPolicy, r.UpdateReplacePolicy = retain, retain
	}
	s.add(id, r)
}

// tables adds the tables.
func (s *synth) tables() {
	for name, t := range s.app.Tables.All() {
		s.addData(tableID(name), Resource{Type: "AWS::DynamoDB::Table", Properties: tableProperties(t, s.protected()), Pos: s.app.Pos("tables." + name)})
	}
}

// buckets adds the buckets.
func (s *synth) buckets() {
	for name, b := range s.app.Buckets.All() {
		s.addData(bucketID(name), Resource{Type: "AWS::S3::Bucket", Properties: bucketProperties(b), Pos: s.app.Pos("buckets." + name)})
	}
}
