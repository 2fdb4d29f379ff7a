//go:build !wasip1

package sdk

import "embed"

// Source is the source of this package and those it needs, sdktest included
// and tests left out: phasm puts a copy beside a new plugin, so that it can be
// built and tested without a network. Its root is this package's directory.
//
//go:embed buffer.go bytes.go config.go control.go ctx.go doc.go duration.go env.go errors.go exports.go
//go:embed json.go list.go log.go metric.go phases.go redis.go redis_reply.go request.go request_body.go request_header.go response.go
//go:embed response_chunk.go response_header.go source.go time.go variable.go
//go:embed abi/abi.go internal/imports/native.go internal/imports/wasip1.go internal/phases/phases.go
//go:embed sdktest/config.go sdktest/control.go sdktest/ctx.go sdktest/do.go sdktest/doc.go sdktest/env.go
//go:embed sdktest/exchange.go sdktest/fields.go sdktest/grant.go sdktest/host.go sdktest/list.go sdktest/log.go sdktest/metric.go sdktest/redis.go sdktest/redis_store.go sdktest/request.go
//go:embed sdktest/response.go sdktest/time.go sdktest/uri.go sdktest/valid.go sdktest/variable.go
var Source embed.FS
