-- SHA-256 (FIPS 180-4) in Lua, with LuaJIT's bit operations and arrays.
local bit = require("bit")
local ffi = require("ffi")
local band, bnot, bxor, ror, rshift, tobit, tohex = bit.band, bit.bnot, bit.bxor, bit.ror, bit.rshift, bit.tobit, bit.tohex
local lshift, bor, byte = bit.lshift, bit.bor, string.byte

-- The first 32 bits of the fractional parts of roots of the first primes.
local k, start = ffi.new("int32_t[64]"), ffi.new("int32_t[8]")
do
	local n, prime = 0, 2
	local function fraction(root)
		return tobit(math.floor((root % 1) * 2 ^ 32))
	end
	while n < 64 do
		local is = true
		for d = 2, math.floor(math.sqrt(prime)) do
			if prime % d == 0 then
				is = false
				break
			end
		end
		if is then
			if n < 8 then
				start[n] = fraction(prime ^ (1 / 2))
			end
			k[n] = fraction(prime ^ (1 / 3))
			n = n + 1
		end
		prime = prime + 1
	end
end

local w, state = ffi.new("int32_t[64]"), ffi.new("int32_t[8]")

local function block(text, at)
	for i = 0, 15 do
		local a, b, c, d = byte(text, at + 4 * i, at + 4 * i + 3)
		w[i] = bor(lshift(a, 24), lshift(b, 16), lshift(c, 8), d)
	end
	for i = 16, 63 do
		local x, y = w[i - 15], w[i - 2]
		w[i] = tobit(w[i - 16] + bxor(ror(x, 7), ror(x, 18), rshift(x, 3)) + w[i - 7] + bxor(ror(y, 17), ror(y, 19), rshift(y, 10)))
	end
	local a, b, c, d, e, f, g, h = state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]
	for i = 0, 63 do
		local t = tobit(h + bxor(ror(e, 6), ror(e, 11), ror(e, 25)) + bxor(band(e, f), band(bnot(e), g)) + k[i] + w[i])
		local u = tobit(bxor(ror(a, 2), ror(a, 13), ror(a, 22)) + bxor(band(a, b), band(a, c), band(b, c)))
		h, g, f, e, d, c, b, a = g, f, e, tobit(d + t), c, b, a, tobit(t + u)
	end
	state[0], state[1], state[2], state[3] = tobit(state[0] + a), tobit(state[1] + b), tobit(state[2] + c), tobit(state[3] + d)
	state[4], state[5], state[6], state[7] = tobit(state[4] + e), tobit(state[5] + f), tobit(state[6] + g), tobit(state[7] + h)
end

return function(text)
	local bits = #text * 8
	text = text .. "\128" .. string.rep("\0", (55 - #text) % 64) .. "\0\0\0\0" ..
		string.char(band(rshift(bits, 24), 255), band(rshift(bits, 16), 255), band(rshift(bits, 8), 255), band(bits, 255))
	ffi.copy(state, start, 32)
	for at = 1, #text, 64 do
		block(text, at)
	end
	local out = {}
	for i = 0, 7 do
		out[i + 1] = tohex(state[i])
	end
	return table.concat(out)
end
