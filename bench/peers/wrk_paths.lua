-- SPDX-License-Identifier: Apache-2.0
-- wrk -s wrk_paths.lua URL -- FILE [ACCEPT]: asks for the paths of FILE in turn.
local paths, at, headers = {}, 0, {}

function init(args)
  for line in io.lines(args[1]) do
    paths[#paths + 1] = line
  end
  headers["Accept"] = args[2]
  at = math.random(#paths)
end

function request()
  at = at % #paths + 1
  return wrk.format("GET", paths[at], headers)
end
