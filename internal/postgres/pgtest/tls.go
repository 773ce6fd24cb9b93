package pgtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Secure is a server that is reached by TLS. The installation's is built without, so what ends
// TLS stands before it; the protocol of a client is the same.
type Secure struct {
	*Server
	ca    string // the file of the certificate that signed the server's
	front net.Listener
	own   *tls.Config
}

// TLS starts another server, before it one that has a certificate for localhost, signed by an
// authority of its own. Who comes by TLS needs a password.
func (s *Server) TLS(t *testing.T) *Secure {
	t.Helper()
	secure := &Secure{ca: filepath.Join(t.TempDir(), "ca.pem")}
	ca := newCertificate(t, "authority", nil)
	pemOf := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})
	if err := os.WriteFile(secure.ca, pemOf, 0o600); err != nil {
		t.Fatal(err)
	}
	leaf := newCertificate(t, "localhost", ca)
	secure.own = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: leaf.key}}, MinVersion: tls.VersionTLS12}
	secure.front = listen(t)
	secure.Server = s.another(t, func(other *Server) {
		l := listen(t)
		other.port = portOf(l)
		other.settings = []string{"listen_addresses=127.0.0.1"}
		l.Close()
	})
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := secure.front.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { secure.serve(c) })
		}
	})
	t.Cleanup(func() { secure.front.Close(); serving.Wait() })
	return secure
}

// serve answers a client's request for TLS, the 8 bytes with which it begins, and passes on what
// follows.
func (s *Secure) serve(c net.Conn) {
	defer c.Close()
	if _, err := io.CopyN(io.Discard, c, 8); err != nil {
		return
	}
	if _, err := c.Write([]byte("S")); err != nil {
		return
	}
	safe := tls.Server(c, s.own)
	if safe.Handshake() != nil {
		return
	}
	to, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)))
	if err != nil {
		return
	}
	var answers sync.WaitGroup
	answers.Go(func() {
		_, _ = io.Copy(safe, to)
		safe.Close()
	})
	_, _ = io.Copy(to, safe)
	to.Close()
	answers.Wait()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// CA is the file of the authority's certificate.
func (s *Secure) CA() string { return s.ca }

// TableOf names a table by TLS as a user sees it who asks for the certificate to be checked
// against that of an authority in a file.
func (s *Secure) TableOf(user, host, ca string) string {
	query := url.Values{"table": {"secured"}, "sslmode": {"verify-full"}, "sslrootcert": {ca}}
	return "postgres://" + user + "@" + net.JoinHostPort(host, strconv.Itoa(portOf(s.front))) + "/postgres?" + query.Encode()
}

// certificate is one with its key.
type certificate struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// newCertificate makes a certificate that another one signs; nil: itself, to sign others.
func newCertificate(t *testing.T, name string, by *certificate) *certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c := &certificate{key: key, Certificate: &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), BasicConstraintsValid: true, IsCA: by == nil,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}}
	if by == nil {
		by = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c.Certificate, by.Certificate, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	if c.Certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c
}
