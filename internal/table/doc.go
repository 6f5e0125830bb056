// Package table is DynamoDB's front door: it verifies who calls, decides on the
// parsed request what the caller may do, and forwards what is allowed to an engine,
// which keeps the items.
//
// It owns which action on which table or index a request is, and the condition keys
// of DynamoDB (dynamodb:LeadingKeys and its like). It does not own items: an Engine
// does, DynamoDB Local or dynalite. Nor does it own policies: Config.Authenticate
// gives what decides. A request of which it cannot say for sure what is touched is
// refused and not forwarded: a key that is read otherwise here than by the engine
// would open the door that the policy closes.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
package table
