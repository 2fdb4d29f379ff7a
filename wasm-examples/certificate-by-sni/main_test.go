package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"testing"
	"time"

	"phasm/sdk/sdktest"
)

// newCertificate is a certificate and its key in one text.
func newCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

func TestCertificates(t *testing.T) {
	h := sdktest.New(t, sdktest.Config{"token": "secret"}, sdktest.Zone("certificates", 1<<20))
	ask := func(method, name, token, body string, want int) {
		t.Helper()
		resp := h.Do(sdktest.Request{
			Method: method, Target: "/certificates/" + name, Params: map[string]string{"name": name}, Body: body,
			Header: http.Header{"Authorization": {"Bearer " + token}},
		})
		if resp.Status != want {
			t.Errorf("%s %s: %d %q, want %d", method, name, resp.Status, resp.Body, want)
		}
	}
	supplied := func(name, want string) {
		t.Helper()
		if cert, key := h.Certificate(name); cert != want || key != want {
			t.Errorf("%s: got %.40q and %.40q", name, cert, key)
		}
	}
	one, many := newCertificate(t), newCertificate(t)
	supplied("shop.example", "")
	ask("PUT", "shop.example", "guess", one, 401)
	ask("PUT", "shop.example", "secret", "nonsense", 400)
	ask("POST", "shop.example", "secret", one, 405)
	supplied("shop.example", "")
	ask("PUT", "Shop.Example", "secret", one, 204)
	ask("PUT", "*.example.com", "secret", many, 204)
	supplied("shop.example", one)
	supplied("www.example.com", many)
	supplied("a.b.example.com", "")
	ask("DELETE", "shop.example", "secret", "", 204)
	supplied("shop.example", "")
}

func TestTokenIsRequired(t *testing.T) {
	if _, err := sdktest.Start(nil, sdktest.Zone("certificates", 1<<20)); err == nil {
		t.Error("it starts without a token")
	}
}
