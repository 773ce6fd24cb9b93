package openai

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"time"

	"sheaf/internal/embed"
)

// SetClock gives an embedder another clock.
func SetClock(e embed.Embedder, now func() time.Time, sleep func(context.Context, time.Duration) error) {
	e.(*service).setClock(clock{now: now, sleep: sleep})
}

// FirstTokens is firstTokens.
func FirstTokens(text string, limit int) string { return firstTokens(text, limit) }

// SetProxy sends all requests through a proxy, also those to this machine.
func SetProxy(e embed.Embedder, proxy *url.URL) {
	e.(*service).client.Transport.(*http.Transport).Proxy = http.ProxyURL(proxy)
}

// SendTo connects to address in place of the host of the base URL, and without TLS.
func SendTo(e embed.Embedder, address string) {
	t := e.(*service).client.Transport.(*http.Transport)
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	t.DialContext, t.DialTLSContext = dial, dial
}
