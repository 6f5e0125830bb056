package cloudformation

// Lint is for tests that plant faults, which no declaration can.
var Lint = lint
