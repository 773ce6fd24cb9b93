package weaviate

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"sheaf/internal/engine"
)

// TestStalls: a server that stops amid its answer, or takes no more of what is sent, is one that does not answer.
func TestStalls(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
		}
		<-end
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(end) })
	c := &client{place: &place{base: server.URL}, http: &http.Client{Transport: transport(50 * time.Millisecond)}}
	for method, body := range map[string][]byte{http.MethodGet: nil, http.MethodPost: make([]byte, 64<<20)} {
		var out any
		err := c.once(t.Context(), method, "/", body, &out)
		var silent net.Error
		if !errors.As(err, new(*engine.UnavailableError)) || !errors.As(err, &silent) || !silent.Timeout() {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// deadlines is a connection that keeps when it stops waiting for something to read.
type deadlines struct {
	net.Conn
	read         time.Time
	whileWritten time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error { d.read = t; return nil }
func (d *deadlines) SetWriteDeadline(time.Time) error  { return nil }
func (d *deadlines) Read([]byte) (int, error)          { return 0, nil }
func (d *deadlines) Write(b []byte) (int, error)       { d.whileWritten = d.read; return len(b), nil }

// TestIdleConnections: a request on a connection that was idle has all the time for its answer, though the
// reading began long before.
func TestIdleConnections(t *testing.T) {
	t.Parallel()
	d := &deadlines{}
	c := impatient{d, time.Hour}
	_, err1 := c.Read(nil)
	idle, begun := d.read, time.Now()
	_, err2 := c.Write(nil)
	if err := errors.Join(err1, err2); err != nil || idle.IsZero() || !d.whileWritten.IsZero() || d.read.Before(begun.Add(time.Hour)) {
		t.Errorf("reads end at %s, amid a write at %s, after it at %s: %v", idle, d.whileWritten, d.read, err)
	}
}
