package weaviate

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
)

// Documents are asked for and written by the server's gRPC interface, the service weaviate.v1.Weaviate
// (grpc/proto/v1 in the server's module, which names the fields of its messages). A call of gRPC
// is a request of HTTP/2, which net/http speaks: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
// google.golang.org/grpc would cost each command, whatever it does, a third of its start.

// The methods of the service.
const (
	methodSearch = "/weaviate.v1.Weaviate/Search"
	methodWrite  = "/weaviate.v1.Weaviate/BatchObjects"
)

// maxMessageSize is how many bytes a message may have: as many as a server takes and sends that is not told
// otherwise.
const maxMessageSize = 100<<20 + 400

// prefixSize is how many bytes come before a message: whether it is compressed, and how long it is.
const prefixSize = 5

const contentType = "application/grpc"

// The codes of gRPC that stand for other errors than that the call failed:
// https://grpc.github.io/grpc/core/md_doc_statuscodes.html.
const (
	codeOK                = 0
	codeUnknown           = 2
	codeInvalidArgument   = 3
	codePermissionDenied  = 7
	codeResourceExhausted = 8
	codeUnimplemented     = 12
	codeUnauthenticated   = 16
)

// newGRPC returns a client of HTTP/2, which is spoken without TLS too.
func newGRPC() *http.Client {
	t := transport(answerTime)
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP2(true)
	t.Protocols.SetUnencryptedHTTP2(true)
	t.DisableCompression = true
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		if r.URL.Scheme == "http" { // proxies pass on no HTTP/2 without TLS
			return nil, nil
		}
		return http.ProxyFromEnvironment(r)
	}
	return &http.Client{Transport: t, CheckRedirect: stay}
}

// invoke calls a method with a message, once, and returns the message of the answer.
func (c *client) invoke(ctx context.Context, method string, in message) ([]byte, error) {
	body := make([]byte, prefixSize, prefixSize+len(in))
	binary.BigEndian.PutUint32(body[1:], uint32(len(in)))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.place.grpc+method, bytes.NewReader(append(body, in...)))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Te", "trailers")
	c.authorize(request)
	response, err := c.rpc.Do(request)
	if err != nil {
		return nil, misdirected(c.unanswered(ctx, err))
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden: // of a proxy
		return nil, c.failed(response)
	case response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), contentType):
		return nil, misdirected(c.unanswered(ctx, fmt.Errorf("an answer that is none of gRPC (HTTP %d)", response.StatusCode)))
	}
	out, err := readReply(response.Body)
	if err == nil || errors.Is(err, io.EOF) {
		if failed := c.status(ctx, response); failed != nil {
			return nil, failed
		}
	}
	switch {
	case errors.Is(err, errTooLarge):
		return nil, c.tooLarge()
	case err != nil:
		return nil, c.unanswered(ctx, fmt.Errorf("its answer is cut off: %w", err))
	}
	return out, nil
}

// misdirected adds to an error of a server that does not answer by gRPC what may be wrong.
func misdirected(err error) error {
	var unavailable *engine.UnavailableError
	if errors.As(err, &unavailable) {
		err = hint.With(err, "see that the server runs, and that grpc=PORT or grpc=HOST:PORT in the URL names its gRPC interface, else it is port %s; what was committed is kept: run the same command again", portGRPC)
	}
	return err
}

// errTooLarge says that a message has more bytes than one side takes.
var errTooLarge = errors.New("a message of gRPC is too large")

func (c *client) tooLarge() error {
	return hint.With(fmt.Errorf("store %q: %w", c.place.url, errTooLarge), "GRPC_MAX_MESSAGE_SIZE tells the servers how many bytes a message may have, up to the %d that sheaf takes", maxMessageSize)
}

// readReply reads the message of an answer, after which the trailers of the answer are known. Its error
// is io.EOF where there is none.
func readReply(r io.Reader) ([]byte, error) {
	var prefix [prefixSize]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(prefix[1:])
	switch {
	case prefix[0] != 0:
		return nil, errors.New("it is compressed, which nobody asked for")
	case size > maxMessageSize:
		return nil, errTooLarge
	}
	message := make([]byte, size)
	if _, err := io.ReadFull(r, message); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	n, err := io.Copy(io.Discard, io.LimitReader(r, 1))
	if n > 0 {
		err = errors.New("it goes on after its message")
	}
	return message, err
}

// status is the error that an answer stands for. It is in the trailers, or in the headers of an answer without
// a message.
func (c *client) status(ctx context.Context, r *http.Response) error {
	header := r.Trailer
	if header.Get("Grpc-Status") == "" {
		header = r.Header
	}
	code, err := strconv.Atoi(header.Get("Grpc-Status"))
	if err != nil {
		return c.unanswered(ctx, errors.New("its answer is cut off: it has no status"))
	}
	if code == codeOK {
		return nil
	}
	message, err := url.PathUnescape(header.Get("Grpc-Message"))
	if err != nil {
		message = header.Get("Grpc-Message")
	}
	return c.complained(ctx, code, strings.ToValidUTF8(message, "\uFFFD"))
}
