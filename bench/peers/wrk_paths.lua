-- SPDX-License-Identifier: Apache-2.0
-- wrk -s wrk_paths.lua URL -- FILE [ACCEPT [window]]: asks for the paths of FILE in turn; with "window"
-- each request has a display window of its own, so that no server can answer from a cache.
local paths, at, headers, window = {}, 0, {}, nil

function init(args)
  for line in io.lines(args[1]) do
    paths[#paths + 1] = line
  end
  headers["Accept"] = args[2]
  at = math.random(#paths)
  window = args[3] == "window" and os.time() % 1000 * 1000 or nil
end

function request()
  at = at % #paths + 1
  local path = paths[at]
  if window then
    window = window + 1
    path = path .. string.format("?window=%d,%d.%03d,linear", 1000 + window % 512, 2000 + math.floor(window / 1000) % 900, window % 1000)
  end
  return wrk.format("GET", path, headers)
end
