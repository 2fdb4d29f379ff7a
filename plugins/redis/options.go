package redis

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/rueidis"
)

// Options say which Redis to talk to, and how. Without Sentinel and Cluster it
// is a single server, the first of Addresses.
type Options struct {
	Addresses []string // host:port, at least one
	Sentinel  string   // the name of the master that the sentinels at Addresses watch
	Cluster   bool     // Addresses are some nodes of a cluster

	SentinelUsername string // the ACL user of the sentinels; empty means the default user
	SentinelPassword string

	Username string // the ACL user; empty means the default user
	Password string
	DB       int  // the number of the database; a cluster has but 0
	TLS      *TLS // of all connections, those to sentinels included; nil means none

	Timeout time.Duration // for connecting and for each command; 0 means 1 s, as in lua-resty-redis
	Cache   int64         // how many bytes of replies each connection may keep; 0 turns client-side caching off
}

// TLS says how a connection is protected. The zero value trusts the system's
// certificate authorities.
type TLS struct {
	CA         []byte // PEM: the authorities to trust; nil means the system's
	Cert, Key  []byte // PEM: the client's certificate and its key; nil means none
	ServerName string // the name in the server's certificate; empty means the address' host
}

// DefaultTimeout is how long a command may take where nothing is said.
const DefaultTimeout = time.Second

// key is the same for options that mean the same, and tells no password.
func (o *Options) key() [sha256.Size]byte {
	protection := TLS{}
	if o.TLS != nil {
		protection = *o.TLS
	}
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %t %q %q %d %t %q %q %q %q %d %d", o.Addresses, o.Sentinel, o.SentinelUsername, o.SentinelPassword, o.Cluster,
		o.Username, o.Password, o.DB, o.TLS != nil, protection.CA, protection.Cert, protection.Key, protection.ServerName, o.Timeout, o.Cache))
}

// The library's connections have half a megabyte for each direction. Requests
// and replies of plugins are small, and what is larger goes past the buffers.
const connectionBuffer = 64 << 10

// idleConnection is when a connection is closed that blocking commands have
// used and nobody needs.
const idleConnection = time.Minute

// maxRedirections is how often a command follows a cluster's nodes that say that
// its key is at another one. Then that is its reply.
const maxRedirections = 5

// library are the options as the library wants them.
func (o *Options) library() (rueidis.ClientOption, error) {
	if len(o.Addresses) == 0 {
		return rueidis.ClientOption{}, errors.New("there is no address")
	}
	timeout := cmp.Or(o.Timeout, DefaultTimeout)
	l := rueidis.ClientOption{
		InitAddress:       o.Addresses,
		ForceSingleClient: !o.Cluster && o.Sentinel == "",
		Sentinel:          rueidis.SentinelOption{MasterSet: o.Sentinel, Username: o.SentinelUsername, Password: o.SentinelPassword},
		Username:          o.Username, Password: o.Password, SelectDB: o.DB,
		ClientName: "phasm",
		Dialer:     net.Dialer{Timeout: timeout, KeepAlive: time.Second},
		// A connection whose server says nothing for so long is given up.
		ConnWriteTimeout: timeout + time.Second,
		// All commands go by the connection's own goroutines: whoever waits can
		// leave, and a command that takes too long does not end the connection.
		AlwaysPipelining:    true,
		PipelineMultiplex:   -1, // one connection: once it is there nobody waits for another
		ReadBufferEachConn:  connectionBuffer,
		WriteBufferEachConn: connectionBuffer,
		BlockingPipeline:    2 * MaxCommands, // pipelines never get a connection of their own
		BlockingPoolCleanup: idleConnection,
		DisableCache:        o.Cache == 0,
		CacheSizeEachConn:   int(o.Cache),
		RetryDelay:          retryOnce,
		ClusterOption:       rueidis.ClusterOption{MaxMovedRedirections: maxRedirections},
	}
	if o.TLS != nil {
		var err error
		if l.TLSConfig, err = o.TLS.config(); err != nil {
			return l, err
		}
		if l.TLSConfig.ServerName == "" && len(o.Addresses) == 1 {
			l.TLSConfig.ServerName, _, _ = net.SplitHostPort(o.Addresses[0])
		}
	}
	l.Sentinel.Dialer, l.Sentinel.TLSConfig = l.Dialer, l.TLSConfig
	return l, nil
}

// retryOnce has a command that only reads sent a second time, at once: where
// the connection was lost while nobody used it, the second one finds a new one.
func retryOnce(attempts int, _ rueidis.Completed, _ error) time.Duration {
	if attempts > 1 {
		return -1
	}
	return 0
}

func (t *TLS) config() (*tls.Config, error) {
	c := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	if t.CA != nil {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(t.CA) {
			return nil, errors.New("the authorities' file (ca) has no certificate in PEM form")
		}
	}
	if t.Cert != nil || t.Key != nil {
		pair, err := tls.X509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("cannot use the client's certificate (cert, key): %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
