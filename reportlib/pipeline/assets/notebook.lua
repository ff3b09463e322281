-- Pandoc's reader of notebooks: a list of parts in JSON, each read by itself, so that what one
-- leaves open (a fence, a block, a footnote) ends with it. Nothing raw, no attribute and no picture
-- from elsewhere comes through.

local markdown = 'markdown-raw_html-raw_tex-raw_attribute-native_spans-native_divs'
  .. '-yaml_metadata_block-pandoc_title_block-mmd_title_block-implicit_figures'
local classes = {unnumbered = true, uri = true, email = true}
local pictures = {} -- what an image in Markdown names -> the file that it is
local missing = {} -- characters that no font has
local taken = {} -- identifiers
local level = 0 -- of the last heading
local prefix = '' -- of headings, whose text may stand in other chapters, too

local function unique(id)
  id = id:gsub('[^%w%-_.:\128-\255]', '-')
  if id == '' then return id end
  local free, number = id, 0
  while taken[free] do
    number = number + 1
    free = id .. '-' .. number
  end
  taken[free] = true
  return free
end

local function plain(element)
  local kept = element.classes:filter(function(class) return classes[class] end)
  if element.tag == 'CodeBlock' then kept = element.classes:filter(function(class)
    return class:match('^[%w+#-]+$')
  end) end
  element.attr = pandoc.Attr(unique(element.identifier), kept)
  return element
end

-- A level is never skipped, as readers of outlines and PDF/UA ask.
local function header(element)
  level = math.min(element.level, level + 1)
  element.level = level
  local id = element.identifier
  if prefix ~= '' and not id:match('^sec%-') then element.identifier = prefix .. '-' .. id end
  return plain(element)
end

-- Formulas know Latin, Greek and operators; what else stands in one is text, or the name of a
-- character that no font has.
local function formula(element)
  element.text = element.text:gsub('[\128-\255]+', function(run)
    local known, text = true, ''
    for _, code in utf8.codes(run) do
      local character = utf8.char(code)
      if missing[character] then character = string.format('[U+%04X]', code) end
      known = known and #character <= 4
        and (code < 0x590 or code >= 0x2000 and code < 0x2c00 or code >= 0x1d400 and code < 0x1d800)
      text = text .. character
    end
    return not known and '\\text{' .. text .. '}' or nil
  end)
  return element
end

local function image(element)
  local file = pictures[element.src]
  if file then return pandoc.Image(element.caption, file) end
  local words = pandoc.Inlines({pandoc.Str('[picture:'), pandoc.Space()})
  words:extend(element.caption)
  if #element.caption == 0 then words:insert(pandoc.Str(element.src)) end
  words:insert(pandoc.Str(']'))
  return pandoc.Link(words, element.src)
end

local function table_of_text(element)
  element.attr = pandoc.Attr(unique(element.identifier))
  return element
end

local tame = {
  Span = plain, Div = plain, Link = plain, Code = plain, CodeBlock = plain, Header = header,
  Image = image, Math = formula, Table = table_of_text, Figure = table_of_text,
  Cell = function(cell)
    cell.attr, cell.alignment = pandoc.Attr(), 'AlignDefault'
    return cell
  end,
  Row = function(row) row.attr = pandoc.Attr() return row end,
  RawInline = function() return {} end, RawBlock = function() return {} end, -- styles in HTML
}

local function read(text, format)
  return pandoc.read(text, format or markdown).blocks:walk(tame)
end

local function caption(part)
  local words = pandoc.utils.blocks_to_inlines(read(part.caption))
  if part.origin ~= '' then
    if #words > 0 then words:insert(pandoc.Space()) end
    words:insert(pandoc.Span({pandoc.Str(part.origin .. '.ipynb')}, {class = 'notebook'}))
  end
  return pandoc.Para(words)
end

-- A table from HTML, where alignment is style: columns of numbers to the right. A row that a cell
-- above reaches into has fewer cells, on its left.
local function aligned(tbl)
  local text_in = {}
  for _, body in ipairs(tbl.bodies) do
    for _, row in ipairs(body.body) do
      local fewer = #tbl.colspecs - #row.cells
      for n, cell in ipairs(row.cells) do
        local text = pandoc.utils.stringify(cell.contents)
        local number = text:match('^[-+−]?[%d.,]+ ?%%?$') or text == 'NaN' or text == ''
        text_in[n + fewer] = text_in[n + fewer] or not number
      end
    end
  end
  tbl.colspecs = tbl.colspecs:map(function(spec, n)
    return {text_in[n] and 'AlignDefault' or 'AlignRight', spec[2]}
  end)
  return tbl
end

local kinds = {
  markdown = function(part) return read(part.text) end,
  html = function(part) return read(part.text, 'html'):walk({Table = aligned}) end,
  code = function(part) return {pandoc.CodeBlock(part.text, {class = part.language})} end,
  text = function(part) return {pandoc.CodeBlock(part.text, {class = 'output'})} end,
  math = function(part) return {pandoc.Para({formula(pandoc.Math('DisplayMath', part.text))})} end,
  picture = function(part)
    return {pandoc.Para({pandoc.Image({pandoc.Str(part.alt)}, part.file)})}
  end,
  figure = function(part)
    return {pandoc.Div({caption(part)}, {id = part.id, class = 'figure', alt = part.alt})}
  end,
  table = function(part)
    local blocks = read(part.text)
    if #blocks ~= 1 or blocks[1].tag ~= 'Table' then return blocks end
    blocks:insert(caption(part))
    return {pandoc.Div(blocks, {id = part.id, class = 'table'})}
  end,
}

function Reader(input)
  local notebook = pandoc.json.decode(tostring(input), false)
  if notebook.sources then return pandoc.read(notebook.sources, 'csljson') end
  pictures = notebook.pictures
  prefix = notebook.prefix
  for character in notebook.missing:gmatch(utf8.charpattern) do missing[character] = true end
  local blocks = pandoc.Blocks({})
  for _, part in ipairs(notebook.parts) do blocks:extend(kinds[part.kind](part)) end
  return pandoc.Pandoc(blocks, {missing = notebook.missing, terms = notebook.terms})
end
