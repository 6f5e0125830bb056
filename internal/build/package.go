package build

// Architecture is the instruction set of Lambda functions (CreateFunction
// Architectures).
type Architecture string

// The architectures.
const (
	ARM64 Architecture = "arm64"
	X8664 Architecture = "x86_64"
)

// A Package is a handler's code for Lambda.
type Package struct {
	// Runtime and Handler are those of the function on AWS (CreateFunction).
	Runtime, Handler string
	// Key is made of the zip's bytes: the same key is the same code.
	Key string
	// Path is the zip, and Size its length.
	Path string
	Size int64
	// SourceMaps says that the code has source maps, which Node.js is to read.
	SourceMaps bool
}
