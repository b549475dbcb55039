-- wrk's script: a click, as Mailketing posts it, on a mail from a list of "id address" lines; each click is
-- another one. Arguments: the list, the path with its secret.
dofile((debug.getinfo(1, "S").source:sub(2):gsub("[^/]+$", "done.lua")))
local mails, path, at = {}, nil, 0
local headers = { ["Content-Type"] = "application/json" }

function init(args)
  for line in io.lines(args[1]) do
    local id, address = line:match("^(%S+) (%S+)$")
    mails[#mails + 1] = { id, address }
  end
  path = args[2]
end

function request()
  at = at + 1
  local mail = mails[at % #mails + 1]
  return wrk.format("POST", path, headers, string.format(
    '{"type":"emailclick","message_id":"%s","email":"%s","link_clicked":"https://example.com/?n=%d"}',
    mail[1], mail[2], at))
end
