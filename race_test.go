//go:build race

package doorwright_test

const raceDetector = true
