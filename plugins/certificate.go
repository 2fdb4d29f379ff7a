package plugins

import (
	"fmt"

	"phasm/plugins/host"
	"phasm/sdk/abi"
)

// RunCertificate runs tls_certificate for a handshake. The error is one of
// Acquire's, or a *Fault.
func (p *Plugin) RunCertificate(h host.Handshake) error {
	i, err := p.Acquire()
	if err != nil {
		return fmt.Errorf("plugin %q: cannot run %s: %w", p.options.Name, abi.TLSCertificate, err)
	}
	defer p.Release(i)
	i.Begin()
	i.call.Handshake = h
	_, err = i.Run(nil, abi.TLSCertificate)
	i.call.Handshake = nil
	return err
}
