//go:build !wasip1

package sdk

import "embed"

// Source is the source of this package and those it needs, sdktest included
// and tests left out: phasm puts a copy beside a new plugin, so that it can be
// built and tested without a network. Its root is this package's directory.
//
//go:embed args.go buffer.go bytes.go config.go control.go ctx.go doc.go duration.go encode.go env.go errors.go
//go:embed exports.go hash.go http.go json.go limit.go list.go lock.go log.go message.go metric.go phases.go
//go:embed random.go redis.go redis_reply.go regex.go request.go request_body.go request_header.go response.go
//go:embed response_chunk.go response_header.go source.go subrequest.go time.go timer.go variable.go zone.go
//go:embed zone_list.go zone_value.go
//go:embed abi/abi.go internal/imports/native.go internal/imports/wasip1.go internal/phases/phases.go
//go:embed sdktest/config.go sdktest/control.go sdktest/ctx.go sdktest/do.go sdktest/doc.go sdktest/encode.go
//go:embed sdktest/env.go sdktest/exchange.go sdktest/fields.go sdktest/grant.go sdktest/hash.go sdktest/host.go
//go:embed sdktest/http.go sdktest/http_host.go sdktest/list.go sdktest/log.go sdktest/message.go sdktest/metric.go
//go:embed sdktest/random.go sdktest/redis.go sdktest/redis_store.go sdktest/regex.go sdktest/request.go
//go:embed sdktest/response.go sdktest/subrequest.go sdktest/time.go sdktest/timer.go sdktest/uri.go
//go:embed sdktest/valid.go sdktest/variable.go sdktest/zone.go sdktest/zone_expiry.go sdktest/zone_hold.go
//go:embed sdktest/zone_keys.go sdktest/zone_list.go sdktest/zone_room.go sdktest/zone_value.go
var Source embed.FS
