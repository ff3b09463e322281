-- The last look at a document, after its citations: links lead on, or are words; numbers have a
-- minus. Typst also gets its tables and pictures, words that can break, and names for characters
-- that no font has.

local typst = FORMAT == 'typst'
local LONGEST_WORD, PIECE = 40, 24 -- bytes of a word that stays whole, characters of its pieces
local LINE = 118 -- characters of a table's text across the page
local PADDING = 2.2 -- the space between two columns, in characters
local whole = false -- whether the document should have all that it points to: Typst will tell
local site = false -- whether it stands among others, to which it leads by relative addresses
local ids = {} -- else, what there is to point to
local missing = {} -- characters that no font has

local function gather(element)
  if element.identifier ~= '' then ids[element.identifier] = true end
end

local function gather_raw(raw)
  local id = raw.text:match('<([^<>]+)>$')
  if id then ids[id] = true end
end

local function named(text)
  if not next(missing) then return text end
  return (text:gsub(utf8.charpattern, function(character)
    return missing[character] and string.format('[U+%04X]', utf8.codepoint(character))
  end))
end

local function pieces(word)
  if #word <= LONGEST_WORD then return word end
  local parts, since = pandoc.List(), 0
  for character in word:gmatch(utf8.charpattern) do
    since = since + 1
    parts:insert(character)
    if character:match('[_/.,;&?=]') or since == PIECE then
      parts:insert('\u{200b}')
      since = 0
    end
  end
  return table.concat(parts)
end

-- A word too long for a line may break behind its punctuation, and else between its pieces.
local function breakable(text)
  return #text > LONGEST_WORD and text:gsub('%S+', pieces) or text
end

local function words(element)
  element.text = element.text:gsub('^([%(%[~±≈]*)%-(%d)', '%1−%2')
  if typst then element.text = breakable(named(element.text)) end
  return element
end

local function code(element)
  if typst then element.text = breakable(named(element.text)) end
  return element
end

-- A link to what is there, to another page of the site, or to the web; an address that is its own text breaks by itself.
local function link(element)
  local target = element.target
  local scheme = target:lower():match('^(%a+):')
  if scheme == 'http' or scheme == 'https' or scheme == 'mailto' then
    local bare = pandoc.utils.stringify(element.content) == target
    return element, not bare or next(missing) ~= nil
  end
  if site and target:match('^[%w./-]+%.html$') then return element end
  if site and target:match('^[%w./-]+%.html#[%w_-]+$') then return element end
  local id = target:match('^#(.+)$') or ''
  if typst and whole and id:match('^ref%-') then element.target = 'to:' .. id end
  if whole and id ~= '' then return element end
  if not ids[id] then id = id:lower() end
  if not ids[id] then return pandoc.Span(element.content) end
  element.target = '#' .. id
  return element
end

-- A source, whose number is where citations of it lead; `packing.py` makes the links.
local function source(div)
  if not div.identifier:match('^ref%-') then return nil end
  return div:walk({Span = function(span)
    if span.classes:includes('csl-left-margin') then
      local number = pandoc.utils.stringify(span.content):gsub('%s+$', '') -- no list begins here
      return {pandoc.RawInline('typst', string.format('#link("here:%s", "%s")', div.identifier,
        number)), pandoc.Space()}
    end
  end}), false
end

local function typst_string(text)
  return '"' .. text:gsub('\\', '\\\\'):gsub('"', '\\"') .. '"'
end

local function picture(image)
  local alt = pandoc.utils.stringify(image.caption)
  return pandoc.RawInline('typst', string.format('#picture(%s, %s)', typst_string(image.src),
    typst_string(alt ~= '' and alt or 'Picture')))
end

-- Of every column: the characters of its longest cell, of its longest word, and of a usual cell.
-- A citation is still a mark, and will be a number.
local function measured(tbl)
  tbl = pandoc.Blocks({tbl}):walk({RawInline = function(raw)
    if raw.text:match('^\u{f8f0}') then return pandoc.Str('[100]') end
  end})[1]
  local columns = {}
  for n = 1, #tbl.colspecs do columns[n] = {longest = 1, word = 1, total = 0, cells = 0} end
  local function row_of(row, head)
    for n, cell in ipairs(row.cells) do
      local column = columns[n]
      if not column or cell.col_span > 1 then return end
      local text = pandoc.utils.stringify(cell.contents)
      local length = (utf8.len(text) or #text) * (head and 1.1 or 1)
      for word in text:gmatch('[^%s\u{200b}-]+') do
        column.word = math.max(column.word, (utf8.len(word) or #word) * (head and 1.1 or 1))
      end
      if not head then
        column.longest = math.max(column.longest, length)
        column.total, column.cells = column.total + length, column.cells + 1
      end
    end
  end
  for _, row in ipairs(tbl.head.rows) do row_of(row, true) end
  for _, body in ipairs(tbl.bodies) do
    for _, row in ipairs(body.body) do row_of(row, false) end
  end
  return columns
end

-- The widths of columns. Numbers get what they ask for, and so does text that asks for less than an
-- even share; what is left goes to the longer text, by its length.
local function widths(tbl)
  local columns, left = measured(tbl), LINE - PADDING * #tbl.colspecs
  local long = pandoc.List()
  for n, column in ipairs(columns) do
    column.asks = math.max(column.longest, column.word)
    column.usual = math.sqrt(column.longest * column.total / math.max(column.cells, 1))
    if tbl.colspecs[n][1] == 'AlignRight' then left = left - column.asks else long:insert(column) end
  end
  local before
  repeat
    before = #long
    local even = left / math.max(before, 1)
    for _, column in ipairs(long) do
      if column.asks <= even then left = left - column.asks end
    end
    long = long:filter(function(column) return column.asks > even end)
  until #long == before
  local usual = 0
  for _, column in ipairs(long) do
    left, usual = left - column.word, usual + column.usual
  end
  for _, column in ipairs(long) do
    column.share = column.word + math.max(left, 0) * column.usual / usual
  end
  local parts = pandoc.List()
  for _, column in ipairs(columns) do
    parts:insert(column.share and string.format('%.1ffr', column.share) or 'auto')
  end
  return '(' .. table.concat(parts, ', ') .. ',)', left < 0
end

local function print_table(tbl)
  local columns, tight = widths(tbl)
  local options = {wrap_text = 'none'}
  local text = pandoc.write(pandoc.Pandoc({tbl}), 'typst-citations', options)
  text = text:gsub('columns: [^\n]*,\n', function() return 'columns: ' .. columns .. ',\n' end, 1)
  text = text:gsub('align%(center%)%[#(table%(.-\n  %))%]', 'align(left)[#later(%1)]', 1)
  -- A table without a caption is no exhibit, and gets no number.
  if #tbl.caption.long == 0 then text = text:match('%[(#later.-\n  %)%))%]') or text end
  if tight then text = '#tight[\n' .. text .. '\n]' end
  return pandoc.RawBlock('typst', text)
end

-- A table without a caption, which is no exhibit, scrolls as one.
local function frame(tbl)
  if #tbl.caption.long > 0 then return nil end
  local attributes = {{'tabindex', '0'}, {'role', 'region'}, {'aria-label', 'Table'}}
  return pandoc.Div({tbl}, pandoc.Attr('', {'table-frame'}, attributes))
end

function Pandoc(doc)
  for character in pandoc.utils.stringify(doc.meta.missing or ''):gmatch(utf8.charpattern) do
    missing[character] = true
  end
  site = doc.meta.site == true
  whole = doc.meta.whole == true or pandoc.utils.stringify(doc.meta.whole or '') == 'true'
  if not whole then
    doc:walk({Span = gather, Div = gather, Header = gather, Table = gather, Figure = gather,
      Code = gather, CodeBlock = gather, Link = gather, RawBlock = gather_raw})
  end
  doc = doc:walk({traverse = 'topdown', Link = link, Str = words, Code = code, CodeBlock = code,
    Image = typst and picture or nil})
  if typst and whole then doc = doc:walk({traverse = 'topdown', Div = source}) end
  doc = doc:walk({Table = typst and print_table or frame})
  return doc
end
