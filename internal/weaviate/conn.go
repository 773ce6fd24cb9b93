package weaviate

import (
	"context"
	"net"
	"net/http"
	"time"
)

// answerTime is how long a server may be silent that was asked something, or not take what is sent.
const answerTime = 2 * time.Minute

// transport has connections that end where a server is silent for longer.
func transport(patience time.Duration) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 8
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return impatient{c, patience}, nil
	}
	return t
}

// impatient is a connection that fails to read or to write where nothing has come or gone for so long.
type impatient struct {
	net.Conn
	patience time.Duration
}

func (c impatient) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// Write lets a Read that is waiting wait until all is sent, and anew from then on: what an idle connection
// reads next is the answer to this.
func (c impatient) Write(b []byte) (int, error) {
	err := c.SetReadDeadline(time.Time{})
	if err == nil {
		err = c.SetWriteDeadline(time.Now().Add(c.patience))
	}
	if err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	if err == nil {
		err = c.SetReadDeadline(time.Now().Add(c.patience))
	}
	return n, err
}
