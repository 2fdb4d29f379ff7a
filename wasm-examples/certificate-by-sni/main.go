// Package main is certificate-by-sni: certificates for names that come and go
// while the server runs, kept in a zone.
package main

import (
	"errors"
	"io"
	"strings"

	"phasm/sdk"
)

func init() {
	sdk.Init(configure)
	sdk.TLSCertificate(supply)
	sdk.Content(manage)
}

func main() {}

var (
	certificates = sdk.OpenZone("certificates") // certificate and key in one text, by name
	token        string
)

func configure() error {
	if token = sdk.Config("token"); token == "" {
		return errors.New("config.token is missing: whoever has it may change certificates")
	}
	return nil
}

// supply looks for the name's own certificate, then for one of its siblings.
func supply(h *sdk.Handshake) error {
	names := []string{h.ServerName}
	if _, parent, ok := strings.Cut(h.ServerName, "."); ok {
		names = append(names, "*."+parent)
	}
	for _, name := range names {
		switch pem, err := certificates.Get(name); {
		case err == nil:
			return h.SetCertificate(pem.String(), pem.String()) // each takes what it needs
		case !errors.Is(err, sdk.ErrNotFound):
			return err
		}
	}
	return nil
}

// manage puts a certificate into the zone, or takes it out.
func manage(r *sdk.Request) sdk.Action {
	if !sdk.EqualConstantTime([]byte(r.Header("Authorization")), []byte("Bearer "+token)) {
		return r.Exit(401)
	}
	name := strings.ToLower(r.Param("name"))
	var err error
	switch r.Method() {
	case "PUT":
		var pem []byte
		if pem, err = io.ReadAll(r.Body()); err == nil {
			if !strings.Contains(string(pem), "BEGIN CERTIFICATE") || !strings.Contains(string(pem), "PRIVATE KEY") {
				r.Response().WriteString("the body is a certificate and its key, in PEM form\n")
				return r.Exit(400)
			}
			err = certificates.SafeSet(name, sdk.Text(string(pem)), 0)
		}
	case "DELETE":
		err = certificates.Delete(name)
	default:
		r.Response().SetHeader("Allow", "PUT, DELETE")
		return r.Exit(405)
	}
	if err != nil {
		sdk.Error("cannot change the certificate for " + name + ": " + err.Error())
		return r.Exit(500)
	}
	return r.Exit(204)
}
