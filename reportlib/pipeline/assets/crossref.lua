-- Label figures, tables, equations and sections, and turn [@fig-…] into links to them. A chapter
-- does not know how many came before it: numbers and citations are marks, for `chapters.py` to
-- resolve, which is told what this chapter counts. Typst counts by itself, in the same order.

local LONGEST_WHOLE_TABLE = 12 -- rows; a longer one may break over pages
local html = FORMAT:match('html') ~= nil
local counts = {fig = 0, tbl = 0, eq = 0}
local heads = {0, 0, 0, 0, 0, 0}
local words = {fig = 'Figure', tbl = 'Table', eq = 'Equation', sec = 'Section'}
local labels = pandoc.List() -- pairs of a label and its number in this chapter
local labelled = {}
local cited = pandoc.List() -- keys of sources
local whole = false -- whether the document should have all that it points to

local function label(id, number)
  if labelled[id] and whole then error('two exhibits are called ' .. id) end
  labelled[id] = true
  labels:insert({id, tostring(number)})
end

local function count(id)
  local kind = id:match('^%a+')
  counts[kind] = counts[kind] + 1
  label(id, counts[kind])
end

local function mark(first, text, last)
  return pandoc.RawInline(html and 'html' or 'typst', first .. text .. last)
end

local function number_of(id)
  return mark('\u{f8f2}', id, '\u{f8f3}')
end

local function number_heading(header)
  if header.classes:includes('unnumbered') then return nil end
  heads[header.level] = heads[header.level] + 1
  for level = header.level + 1, 6 do heads[level] = 0 end
  if header.identifier:match('^sec%-') then
    label(header.identifier, table.concat(heads, '.', 1, header.level))
  end
end

-- "Figure 3" before a caption, where the writer does not count.
local function numbered(caption, word, id)
  if html then
    local words = {pandoc.Str(word .. '\u{a0}'), number_of(id)}
    local tag = pandoc.Span(words, {class = 'exhibit-number'})
    caption:insert(1, tag)
    caption:insert(2, pandoc.Space())
  end
  return caption
end

local function typst_string(text)
  return '"' .. text:gsub('\\', '\\\\'):gsub('"', '\\"') .. '"'
end

-- In lists of figures and tables only the first sentence of a caption stands.
local function headline(caption)
  if html then return caption end
  for i = 1, #caption - 1 do
    local text = caption[i].tag == 'Str' and caption[i].text or ''
    if text:match('%.$') and caption[i + 1].tag == 'Space' then
      caption:insert(i + 1, pandoc.RawInline('typst', '#rest['))
      caption:insert(pandoc.RawInline('typst', ']'))
      break
    end
  end
  return caption
end

local function figure(div)
  local id = div.identifier
  count(id)
  local caption = headline(numbered(div.content[#div.content].content, 'Figure', id))
  if html then
    local picture = pandoc.RawBlock('html', '<!--chart:' .. id .. '-->')
    return pandoc.Figure({picture}, {pandoc.Plain(caption)}, {id = id, class = 'figure'})
  end
  local image = string.format('image("%s.svg", alt: %s)', id, typst_string(div.attributes.alt))
  return {
    pandoc.RawBlock('typst', '#figure(' .. image .. ', caption: ['),
    pandoc.Plain(caption),
    pandoc.RawBlock('typst', ']) <' .. id .. '>'),
  }
end

local function exhibit_table(div)
  local id = div.identifier
  count(id)
  local tbl, caption = div.content[1], div.content[#div.content].content
  tbl.caption.long = {pandoc.Plain(headline(numbered(caption, 'Table', id)))}
  tbl.attr = pandoc.Attr(id)
  if html then
    -- As a list of pairs: the order of a Lua table's keys differs from run to run.
    local attributes = {{'tabindex', '0'}, {'role', 'region'}, {'aria-label', 'Table ' .. number_of(id).text}}
    return pandoc.Div({tbl}, pandoc.Attr('', {'table-frame'}, attributes))
  end
  if #tbl.bodies[1].body <= LONGEST_WHOLE_TABLE then return tbl end
  return {
    pandoc.RawBlock('typst', '#[#show figure: set block(breakable: true)'), tbl,
    pandoc.RawBlock('typst', ']'),
  }
end

local function number_exhibit(div)
  if div.identifier == 'refs' and whole then
    return pandoc.RawBlock(html and 'html' or 'typst', '\u{f8f6}')
  end
  if div.classes:includes('figure') then return figure(div), false end
  if div.classes:includes('table') then return exhibit_table(div), false end
end

local function typst_math(math)
  local source = pandoc.write(pandoc.Pandoc({pandoc.Plain({math})}), 'typst')
  return (source:gsub('%s+$', ''))
end

-- PDF/UA wants an alternative text for every formula: its TeX, without the backslashes.
local function equation(math, id)
  local block = math.mathtype == 'DisplayMath'
  local source = typst_math(math)
  if not source:match('^%$.*%$$') then return '#raw(' .. typst_string(math.text) .. ')' end
  local alt = math.text:gsub('[\\{}]', ' '):gsub('%s+', ' ')
  if alt:match('^ *$') then alt = 'formula' end
  return string.format('#math.equation(block: %s, numbering: %s, alt: %s, %s)%s', block,
    id and '"(1)"' or 'none', typst_string(alt), source, id and ' <' .. id .. '>' or '')
end

local function number_equation(para)
  local first, last = para.content[1], para.content[#para.content]
  local id = last and last.tag == 'Str' and last.text:match('^{#(eq%-[%w-]+)}$')
  if not id then return nil end
  count(id)
  if not html then return pandoc.RawBlock('typst', equation(first, id)) end
  local number = {pandoc.Str('('), number_of(id), pandoc.Str(')')}
  local tag = pandoc.Span(number, {class = 'equation-number'})
  return pandoc.Div({pandoc.Plain({first}), pandoc.Plain({tag})}, {id = id, class = 'equation'})
end

local function resolve(cite)
  local links, keys = pandoc.List(), pandoc.List()
  for _, citation in ipairs(cite.citations) do
    local id = citation.id
    local word = words[id:match('^(%a+)%-')]
    if not word then
      if whole and #citation.prefix + #citation.suffix > 0 then
        error('a source is cited by its key alone; say more beside it: ' .. id)
      end
      keys:insert(id)
    else
      local found = whole or labelled[id]
      local name = {pandoc.Str(word .. '\u{a0}'), number_of(id)}
      if #links > 0 then links:extend({pandoc.Str(','), pandoc.Space()}) end
      links:insert(found and pandoc.Link(name, '#' .. id) or pandoc.Str(id))
    end
  end
  if #keys == 0 then return links end
  if #links > 0 and whole then error('one bracket cites a source and ' .. cite.citations[1].id) end
  if not whole then return cite.content end
  cited:extend(keys)
  return mark('\u{f8f0}', table.concat(keys, ' '), '\u{f8f1}')
end

local function math(element)
  if not html then return pandoc.RawInline('typst', equation(element)) end
end

function Pandoc(doc)
  whole = doc.meta.whole == true or pandoc.utils.stringify(doc.meta.whole or '') == 'true'
  doc = doc:walk({traverse = 'topdown', Header = number_heading, Div = number_exhibit,
    Para = number_equation})
  doc = doc:walk({Cite = resolve, Math = math})
  counts.sec = heads[1]
  local told = pandoc.json.encode({labels = labels, counts = counts, cited = cited})
  doc.blocks:insert(pandoc.RawBlock(html and 'html' or 'typst', '\u{f8f4}' .. told .. '\u{f8f5}'))
  return doc
end
