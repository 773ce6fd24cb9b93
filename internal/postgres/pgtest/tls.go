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
	"maps"
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

// Secure is a server that is reached by TCP with a certificate for localhost, which an authority
// of its own has signed. Who comes needs a password.
type Secure struct {
	*Server
	ca   string // the file of the authority's certificate
	port int
}

// TLS starts another server behind what ends TLS: the installation's is built without. The
// protocol of a client is the same, and all of sheaf can be tried with it.
func (s *Server) TLS(t *testing.T) *Secure {
	t.Helper()
	ca, leaf := newCertificates(t)
	own := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: leaf.key}}, MinVersion: tls.VersionTLS12}
	front := listen(t)
	other := s.another(t, func(other *Server) { other.listen(freePort(t)) })
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := front.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { pass(c, own, other.port) })
		}
	})
	t.Cleanup(func() { front.Close(); serving.Wait() })
	return &Secure{other, ca, portOf(front)}
}

// pass answers a client's request for TLS, the 8 bytes with which it begins, and passes what
// follows on to a port.
func pass(c net.Conn, own *tls.Config, port int) {
	defer c.Close()
	if _, err := io.CopyN(io.Discard, c, 8); err != nil {
		return
	}
	if _, err := c.Write([]byte("S")); err != nil {
		return
	}
	safe := tls.Server(c, own)
	if safe.Handshake() != nil {
		return
	}
	to, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
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

// OwnTLS starts a server that ends TLS itself, of the programs that the environment names. It
// lets nobody in by TCP without TLS, and may lack pgvector.
func OwnTLS(t *testing.T) *Secure {
	t.Helper()
	bin := os.Getenv(TLSPrograms)
	switch {
	case bin != "":
	case os.Getenv(Required) != "":
		t.Fatalf("no PostgreSQL with TLS: %s names no folder of its programs", TLSPrograms)
	default:
		t.Skipf("no PostgreSQL with TLS: make test-remote gets one")
	}
	caller, err := unprivileged()
	if err != nil {
		t.Fatal(err)
	}
	ca, leaf := newCertificates(t)
	key, err := x509.MarshalPKCS8PrivateKey(leaf.key)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"server.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}),
		"server.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		"hba":        []byte("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"),
	}
	secure := &Secure{ca: ca, port: freePort(t)}
	secure.Server = (&Server{bin: bin, caller: caller}).another(t, func(s *Server) {
		s.listen(secure.port)
		for name, content := range files {
			if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		in := func(name string) string { return filepath.Join(s.dir, name) }
		s.settings = append(s.settings, "ssl=on", "ssl_cert_file="+in("server.crt"), "ssl_key_file="+in("server.key"), "hba_file="+in("hba"))
	})
	return secure
}

// listen has a server that is not running listen to a port of loopback too.
func (s *Server) listen(port int) {
	s.port = port
	s.settings = append(s.settings, "listen_addresses=127.0.0.1")
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

func freePort(t *testing.T) int {
	t.Helper()
	l := listen(t)
	defer l.Close()
	return portOf(l)
}

// CA is the file of the authority's certificate.
func (s *Secure) CA() string { return s.ca }

// TableOf names a table by TCP as a user sees it, with some settings of the connection.
func (s *Secure) TableOf(user, host string, settings url.Values) string {
	query := url.Values{"table": {"secured"}}
	maps.Copy(query, settings)
	return "postgres://" + user + "@" + net.JoinHostPort(host, strconv.Itoa(s.port)) + "/postgres?" + query.Encode()
}

// Verified are the settings of who asks for the certificate to be checked against that of an
// authority in a file.
func Verified(ca string) url.Values {
	return url.Values{"sslmode": {"verify-full"}, "sslrootcert": {ca}}
}

// newCertificates makes an authority, whose certificate it writes to a file, and a certificate
// of its for localhost.
func newCertificates(t *testing.T) (file string, leaf *certificate) {
	t.Helper()
	ca := newCertificate(t, "authority", nil)
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, newCertificate(t, "localhost", ca)
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
