# Filters of jq that jaq lacks, or has otherwise, as jq's manual has them (1.8).

# Paths. They have so many steps at most, as values are changed along them with one call for each.
def getpath($path):
  if ($path | length) > 512 then error("getpath takes a path of at most 512 steps")
  else reduce $path[] as $step (.; .[$step]) end;
def pick(f): . as $top | reduce path(f) as $path (null; setpath($path; $top | getpath($path)));
def del(f): delpaths([path(f)]);
def to_entries: [keys_unsorted[] as $key | {$key, value: .[$key]}];
def from_entries: reduce .[] as $entry ({};
  . + { ($entry
         | if .key == null then if .k == null then if .name == null then .Name // .K // .Key else .name end else .k end else .key end
         | if type == "string" then . else tojson end):
        ($entry | if has("value") then .value elif has("v") then .v else .Value end) });
def with_entries(f): to_entries | map(f) | from_entries;
def leaf_paths: paths(scalars);
def tostream: path(def r: (.[]?|r), .; r) as $path | getpath($path) | reduce path(.[]?) as $last ([$path, .]; [$path + $last]);
def truncate_stream(stream): . as $depth | null | stream | . as $event
  | if (.[0] | length) > $depth then [.[0][$depth:]] + .[1:] else empty end;
def fromstream(f): { x: null, e: false } as $init
  | foreach f as $event ($init;
      if .e then $init else . end
      | if $event | length == 2
        then .e = ($event[0] | length == 0) | .x = (.x | setpath($event[0]; $event[1]))
        else .e = ($event[0] | length == 1) end;
      if .e then .x else empty end);

# Texts
def join($separator):
  reduce .[] as $part (null;
    (if . == null then "" else . + $separator end) + ($part | if . == null then "" else tostring end)) // "";
def ltrimstr($text):
  if type == "string" and ($text | type) == "string" and startswith($text) then .[($text | length):] else . end;
def rtrimstr($text):
  if type == "string" and ($text | type) == "string" and endswith($text) then .[:length - ($text | length)] else . end;
def trimstr($text): ltrimstr($text) | rtrimstr($text);
def ascii: [.] | implode;
def @html: tostring | escape_html | gsub("&apos;"; "&#39;");
def @csv:
  [.[] | if . == null then ""
         elif type == "string" then "\"" + gsub("\""; "\"\"") + "\""
         elif type == "number" or type == "boolean" then tostring
         else error("@csv takes a row of numbers, texts, booleans and nulls") end]
  | join(",");
def @tsv:
  [.[] | if . == null then ""
         elif type == "string" then gsub("\\\\"; "\\\\") | gsub("\t"; "\\t") | gsub("\n"; "\\n") | gsub("\r"; "\\r")
         elif type == "number" or type == "boolean" then tostring
         else error("@tsv takes a row of numbers, texts, booleans and nulls") end]
  | join("\t");

# Dates
def todate: if type == "number" then floor else . end | todateiso8601;
def date: todate;
def dateadd(unit; $seconds): . + $seconds;
def datesub(unit; $seconds): . - $seconds;

# Values and streams
def toarray: if type == "array" then . else [.] end;
def isvalid(f): try (f | true) catch false;
def have_literal_numbers: true;
def have_decnum: false;
def recurse_down: recurse;
def walk(f): def rec: if type == "object" then map_values(rec) elif type == "array" then map(rec) else . end | f; rec;

# Like SQL
def IN(s): any(s == .; .);
def IN(source; s): any(source == s; .);
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] |= $row);
def INDEX(f): INDEX(.[]; f);
def JOIN($index; f): [.[] | [., $index[f]]];
def JOIN($index; stream; f): stream | [., $index[f]];
def JOIN($index; stream; f; join): stream | [., $index[f]] | join;
