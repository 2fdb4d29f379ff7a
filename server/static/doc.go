// Package static answers requests with the files of one directory.
//
// It behaves as nginx does with a root and its defaults, except where this list
// or HTTP (RFC 9110) says otherwise:
//
//   - GET and HEAD only; 405 with Allow for the rest.
//   - A path that ends in a slash is a directory: its index.html is served, or
//     403 if it has none. Directories are never listed. Without the slash, a
//     directory is a 301 to the same URL with it, the query kept.
//   - 404 for what does not exist or is no regular file (a socket, a pipe, a
//     device), 403 for what may not be read.
//   - Files whose names begin with a dot are served like any other.
//   - Nothing outside of the directory can be reached. Symbolic links are
//     followed if they are relative and lead to somewhere inside; 403 if not.
//     (nginx follows all.) A path with a NUL byte, a backslash, an empty or a dot
//     segment, or that is not UTF-8, names no file: 404.
//   - The directory is looked up by its name: another one that takes its place is
//     served, and as long as there is none the answer is 500, and the log says so.
//   - Files are kept for a tenth of a second, small ones in memory and larger ones
//     open: so much later a change, another file of that name, or another mode is
//     seen. What is written to a larger one is seen at once.
//   - ETag is the modification time in seconds and the size, in hexadecimal.
//     If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since and
//     If-Range are evaluated in the order of RFC 9110, section 13.2.2.
//   - Range is honoured for GET and one range. A request for several is answered
//     with the whole file, as section 14.2 allows; so is one for a range of an
//     empty file, because some clients add one to every request.
//   - Content-Type comes from a table in this package by the file's extension,
//     not from the machine; what it does not know is application/octet-stream.
//   - If a file of a type worth compressing has a neighbour with .br or .gz added
//     to its name, that is sent to those who accept it, with its own ETag,
//     Last-Modified and ranges: br before gzip whatever their weights, and not if
//     it is older than the file. Files of such types always have
//     Vary: Accept-Encoding.
package static
