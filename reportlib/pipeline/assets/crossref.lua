-- Number figures, tables, equations and sections, and turn [@fig-…] into links to them.
-- HTML prints the numbers given here; Typst counts by itself, in the same order.

local LONGEST_WHOLE_TABLE = 12 -- rows; a longer one may break over pages
local html = FORMAT:match('html') ~= nil
local counts = {fig = 0, tbl = 0, eq = 0}
local heads = {0, 0, 0, 0, 0, 0}
local labels = {} -- id -> {word, number}
local whole = false -- whether the document should have all that it points to

local function label(id, word, number)
  if labels[id] and whole then error('two exhibits are called ' .. id) end
  labels[id] = {word, tostring(number)}
end

local function count(id, word)
  local kind = id:match('^%a+')
  counts[kind] = counts[kind] + 1
  label(id, word, counts[kind])
  return counts[kind]
end

local function number_heading(header)
  if header.classes:includes('unnumbered') then return nil end
  heads[header.level] = heads[header.level] + 1
  for level = header.level + 1, 6 do heads[level] = 0 end
  label(header.identifier, 'Section', table.concat(heads, '.', 1, header.level))
end

-- "Figure 3" before a caption, where the writer does not count.
local function numbered(caption, word, number)
  if html then
    local tag = pandoc.Span({pandoc.Str(word .. '\u{a0}' .. number)}, {class = 'exhibit-number'})
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
  local id, number = div.identifier, count(div.identifier, 'Figure')
  local caption = headline(numbered(div.content[#div.content].content, 'Figure', number))
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
  local number = count(div.identifier, 'Table')
  local tbl, caption = div.content[1], div.content[#div.content].content
  tbl.caption.long = {pandoc.Plain(headline(numbered(caption, 'Table', number)))}
  tbl.attr = pandoc.Attr(div.identifier)
  if html then
    -- As a list of pairs: the order of a Lua table's keys differs from run to run.
    local attributes = {{'tabindex', '0'}, {'role', 'region'}, {'aria-label', 'Table ' .. number}}
    return pandoc.Div({tbl}, pandoc.Attr('', {'table-frame'}, attributes))
  end
  if #tbl.bodies[1].body <= LONGEST_WHOLE_TABLE then return tbl end
  return {
    pandoc.RawBlock('typst', '#[#show figure: set block(breakable: true)'), tbl,
    pandoc.RawBlock('typst', ']'),
  }
end

local function number_exhibit(div)
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
  local number = count(id, 'Equation')
  if not html then return pandoc.RawBlock('typst', equation(first, id)) end
  local mark = pandoc.Span({pandoc.Str('(' .. number .. ')')}, {class = 'equation-number'})
  return pandoc.Div({pandoc.Plain({first}), pandoc.Plain({mark})}, {id = id, class = 'equation'})
end

local function resolve(cite)
  local links = pandoc.List()
  for _, citation in ipairs(cite.citations) do
    local found = labels[citation.id]
    local here = citation.id:match('^fig%-') or citation.id:match('^tbl%-')
      or citation.id:match('^eq%-') or citation.id:match('^sec%-')
    if not here then return not whole and cite.content or nil end
    if not found and whole then error('nothing is labelled ' .. citation.id .. '\n') end
    if not found then return pandoc.Str(citation.id) end
    if #links > 0 then links:extend({pandoc.Str(','), pandoc.Space()}) end
    links:insert(pandoc.Link(found[1] .. '\u{a0}' .. found[2], '#' .. citation.id))
  end
  return links
end

local function math(element)
  if not html then return pandoc.RawInline('typst', equation(element)) end
end

function Pandoc(doc)
  whole = doc.meta.whole == true or pandoc.utils.stringify(doc.meta.whole or '') == 'true'
  doc = doc:walk({traverse = 'topdown', Header = number_heading, Div = number_exhibit,
    Para = number_equation})
  return doc:walk({Cite = resolve, Math = math})
end
