//go:build !wasip1

package sdk

import "embed"

// Source is the source of this package and those it needs, sdktest included
// and tests left out: phasm puts a copy beside a new plugin, so that it can be
// built and tested without a network. Its root is this package's directory.
//
//go:embed buffer.go bytes.go config.go control.go ctx.go doc.go duration.go encode.go env.go errors.go exports.go
//go:embed hash.go http.go json.go limit.go list.go lock.go log.go message.go metric.go phases.go random.go redis.go
//go:embed redis_reply.go regex.go request.go request_body.go request_header.go response.go response_chunk.go
//go:embed response_header.go source.go subrequest.go time.go timer.go variable.go zone.go zone_list.go zone_value.go
//go:embed abi/abi.go internal/imports/native.go internal/imports/wasip1.go internal/phases/phases.go
//go:embed sdktest/config.go sdktest/control.go sdktest/ctx.go sdktest/do.go sdktest/doc.go sdktest/encode.go
//go:embed sdktest/env.go sdktest/exchange.go sdktest/fields.go sdktest/grant.go sdktest/hash.go sdktest/host.go
//go:embed sdktest/http.go sdktest/http_host.go sdktest/list.go sdktest/log.go sdktest/message.go sdktest/metric.go sdktest/random.go
//go:embed sdktest/redis.go sdktest/redis_store.go sdktest/regex.go sdktest/request.go sdktest/response.go
//go:embed sdktest/subrequest.go sdktest/time.go sdktest/timer.go sdktest/uri.go sdktest/valid.go sdktest/variable.go
//go:embed sdktest/zone.go sdktest/zone_hold.go
var Source embed.FS
