//go:build !wasip1

package sdk

import "embed"

// Source is the source of this package and those it needs, sdktest included
// and tests left out: phasm puts a copy beside a new plugin, so that it can be
// built and tested without a network. Its root is this package's directory.
//
//go:embed args.go balancer.go buffer.go bytes.go config.go control.go ctx.go doc.go duration.go encode.go env.go
//go:embed errors.go exports.go hash.go http.go json.go limit.go list.go lock.go log.go message.go metric.go
//go:embed phases.go random.go redis.go redis_reply.go regex.go regex_set.go request.go request_body.go request_header.go
//go:embed response.go response_chunk.go response_header.go source.go subrequest.go text.go time.go timer.go tls_certificate.go upstream.go
//go:embed variable.go zone.go zone_list.go zone_value.go
//go:embed abi/abi.go internal/imports/native.go internal/imports/wasip1.go internal/phases/phases.go
//go:embed sdktest/balancer.go sdktest/config.go sdktest/control.go sdktest/ctx.go sdktest/do.go sdktest/doc.go
//go:embed sdktest/encode.go sdktest/env.go sdktest/exchange.go sdktest/fields.go sdktest/grant.go sdktest/hash.go
//go:embed sdktest/host.go sdktest/http.go sdktest/http_host.go sdktest/list.go sdktest/log.go sdktest/message.go
//go:embed sdktest/metric.go sdktest/random.go sdktest/redis.go sdktest/redis_store.go sdktest/regex.go sdktest/regex_set.go
//go:embed sdktest/request.go sdktest/response.go sdktest/subrequest.go sdktest/time.go sdktest/timer.go sdktest/tls_certificate.go
//go:embed sdktest/upstream.go sdktest/uri.go sdktest/valid.go sdktest/variable.go sdktest/zone.go
//go:embed sdktest/zone_expiry.go sdktest/zone_hold.go sdktest/zone_keys.go sdktest/zone_list.go
//go:embed sdktest/zone_room.go sdktest/zone_value.go
var Source embed.FS
