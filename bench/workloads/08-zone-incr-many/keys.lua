-- One of 10,000 keys, at random.
local requests = {}
function init()
	for n = 1, 10000 do
		requests[n] = wrk.format(nil, "/?key=" .. n)
	end
end
function request()
	return requests[math.random(10000)]
end
