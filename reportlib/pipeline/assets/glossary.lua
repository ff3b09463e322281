-- Link a term of the glossary where a section's text uses it for the first time.
-- The glossary is a definition list in a block called `terms`; `chapters.py` tells all chapters
-- what it explains.

local terms = {} -- the first word of a term -> all that begin with it, longest first

local function id_of(name)
  return 'term-' .. name:gsub('%s+', '-')
end

local function gather(name)
  local words = {}
  for word in name:gmatch('%S+') do table.insert(words, word) end
  terms[words[1]] = terms[words[1]] or {}
  table.insert(terms[words[1]], {id = id_of(name), words = words})
  table.sort(terms[words[1]], function(a, b) return #a.words > #b.words end)
end

local function explained(list)
  for _, item in ipairs(list.content) do
    local id = id_of(pandoc.utils.stringify(item[1]):lower())
    item[1] = {pandoc.Span(item[1], {id = id})}
  end
  return list
end

-- What of a word is the term, and the punctuation behind it.
local function parted(element)
  if not element or element.tag ~= 'Str' then return nil end
  local core, rest = element.text:match('^(.-)([%.,;:!?)]*)$')
  return core, rest
end

-- Whether `term` begins at `from`; then also the inlines that it is, and what follows in the last.
local function found(term, inlines, from)
  for n, word in ipairs(term.words) do
    local at = from + 2 * (n - 1)
    local between = inlines[at - 1]
    if n > 1 and not (between and (between.tag == 'Space' or between.tag == 'SoftBreak')) then
      return nil
    end
    local core, rest = parted(inlines[at])
    if not core then return nil end
    local last = n == #term.words
    if not last and rest ~= '' then return nil end
    core = core:lower()
    if core ~= word and not (last and core == word .. 's') then return nil end
    if last then return at, rest end
  end
end

local function term_at(inlines, from, seen)
  local core = parted(inlines[from])
  if not core then return nil end
  core = core:lower()
  for _, term in ipairs(terms[core] or terms[core:gsub('s$', '')] or {}) do
    local last, rest = found(term, inlines, from)
    if last and not seen[term.id] then return term, last, rest end
  end
end

local function link(inlines, seen)
  local linked, from = pandoc.List(), 1
  while from <= #inlines do
    local term, last, rest = term_at(inlines, from, seen)
    if term then
      seen[term.id] = true
      local words = pandoc.List()
      for at = from, last do words:insert(inlines[at]) end
      words[#words] = pandoc.Str(inlines[last].text:sub(1, #inlines[last].text - #rest))
      linked:insert(pandoc.Link(words, '#' .. term.id, '', {class = 'term'}))
      if rest ~= '' then linked:insert(pandoc.Str(rest)) end
      from = last + 1
    else
      linked:insert(inlines[from])
      from = from + 1
    end
  end
  return linked
end

function Pandoc(doc)
  doc = doc:walk({Div = function(div)
    if div.identifier == 'terms' then return div:walk({DefinitionList = explained}) end
  end})
  for _, term in ipairs(doc.meta.terms or {}) do gather(pandoc.utils.stringify(term):lower()) end
  doc.meta.terms = nil
  local seen = {}
  for _, block in ipairs(doc.blocks) do
    if block.tag == 'Header' and block.level == 1 then seen = {} end
    if block.tag == 'Para' then block.content = link(block.content, seen) end
  end
  return doc
end
