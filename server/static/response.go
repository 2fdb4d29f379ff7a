package static

import (
	"net/url"
	"strconv"

	"github.com/valyala/fasthttp"
)

// serve answers with the file, all or a part of it, or tells that there is no
// need to. It closes the file, or leaves that to the body stream.
func (f *file) serve(req *fasthttp.Request, resp *fasthttp.Response) error {
	switch status := checkConditions(&req.Header, f.etag, f.modified); status {
	case fasthttp.StatusPreconditionFailed:
		f.Close()
		fail(req, resp, status)
		return nil
	case fasthttp.StatusNotModified:
		f.Close()
		f.setValidators(resp)
		resp.ResetBody()
		resp.SetStatusCode(status)
		return nil
	}

	part, status := byteRange{0, f.size}, fasthttp.StatusOK
	// For HEAD, Range has no meaning (RFC 9110, section 14.2).
	if req.Header.IsGet() && rangeApplies(req.Header.Peek(fasthttp.HeaderIfRange), f.etag, f.modified) {
		part, status = parseRange(req.Header.Peek(fasthttp.HeaderRange), f.size)
	}
	if status == fasthttp.StatusRequestedRangeNotSatisfiable {
		f.Close()
		resp.Header.SetBytesV(fasthttp.HeaderContentRange, strconv.AppendInt([]byte("bytes */"), f.size, 10))
		fail(req, resp, status)
		return nil
	}
	if err := f.setBody(req, resp, part); err != nil {
		fail(req, resp, fasthttp.StatusInternalServerError)
		return err
	}
	f.setValidators(resp)
	resp.SetStatusCode(status)
	resp.Header.SetContentType(f.contentType)
	resp.Header.SetCanonical(headerAcceptRanges, bytesUnit)
	if f.encoding != "" {
		resp.Header.SetContentEncoding(f.encoding)
	}
	if status == fasthttp.StatusPartialContent {
		var buf [64]byte
		resp.Header.SetBytesV(fasthttp.HeaderContentRange, part.appendContentRange(buf[:0], f.size))
	}
	return nil
}

// setValidators sets the headers that 200, 206 and 304 have in common.
func (f *file) setValidators(resp *fasthttp.Response) {
	resp.Header.SetCanonical(headerETag, f.etag)
	resp.Header.SetCanonical(headerLastModified, f.date)
	if f.varies {
		resp.Header.Add(fasthttp.HeaderVary, fasthttp.HeaderAcceptEncoding)
	}
}

// Headers of every answer, in the form in which fasthttp keeps their names.
var (
	headerETag         = []byte("Etag")
	headerLastModified = []byte(fasthttp.HeaderLastModified)
	headerAcceptRanges = []byte(fasthttp.HeaderAcceptRanges)
	bytesUnit          = []byte("bytes")
)

// redirect sends the client to its own URL with a slash at the end of the path.
// The Location is that path in its canonical form, never as it was received:
// //host/dir would lead to another host.
func redirect(req *fasthttp.Request, resp *fasthttp.Response) {
	path := url.URL{Path: string(req.URI().Path()) + "/"}
	location := path.EscapedPath()
	if query := req.URI().QueryString(); len(query) > 0 {
		location += "?" + string(query)
	}
	resp.Header.Set(fasthttp.HeaderLocation, location)
	fail(req, resp, fasthttp.StatusMovedPermanently)
}

// fail answers with a status and a line of text that says it.
func fail(req *fasthttp.Request, resp *fasthttp.Response, status int) {
	resp.ResetBody()
	resp.SetStatusCode(status)
	resp.Header.SetContentType("text/plain; charset=utf-8")
	resp.AppendBodyString(strconv.Itoa(status) + " " + fasthttp.StatusMessage(status) + "\n")
	resp.SkipBody = req.Header.IsHead()
}
