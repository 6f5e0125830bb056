// Package bucket plays S3 (https://docs.aws.amazon.com/AmazonS3/latest/API/): the
// declared buckets of a stage, and the operations on their objects.
//
// It owns the addresses of buckets and objects, the operations table, what of a
// request is asked of whom, the XML, and the objects: their bytes are files
// named by random ids, everything else is rows of the stage's database. Who
// signed a request package sigv4 says, and whether they may, the account does.
//
// A name of an object never becomes a path, so there is none that leads
// elsewhere, and none that is another's on a file system that does not tell
// them apart.
//
// # What a put promises
//
// The row is the commit: before it the bytes are a file that nobody refers to,
// which the next Open deletes. A reader sees the old object or the new one
// whole, and goes on reading it whatever becomes of it. The bytes are on the
// disk before the row is written, so that no row survives a power cut that
// refers to half of them.
package bucket
