#!/usr/bin/python3
"""plot.py WITH WITHOUT: an SVG of the requests in flight over time, from what
"mockctl flights" has printed during a join with read-ahead, and one without.

The colours are those of the reader's scheme, light or dark.
"""
import sys

WIDTH = 760
LEFT, RIGHT = 60, 20            # margins
PANEL = 120                     # height of a plot
TOPS = (58, 232)                # where the two begin
BOTTOM = TOPS[-1] + PANEL
HEIGHT = BOTTOM + 52

STYLE = """
  svg { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
  .paper { fill: #ffffff } text { fill: #1f2328 } .quiet { fill: #59636e }
  .grid { stroke: #d1d9e0 } .axis { stroke: #818b98 } .title { font-weight: 600 }
  .with { fill: #0969da } .without { fill: #bc4c00 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 } text { fill: #e6edf3 } .quiet { fill: #9198a1 }
    .grid { stroke: #30363d } .axis { stroke: #656c76 }
    .with { fill: #4493f8 } .without { fill: #f0883e }
  }"""


def read(name):
    """The moments, from the first request on, and how many were in flight then"""
    with open(name, encoding='ascii') as file:
        lines = [tuple(map(int, line.split())) for line in file]
    return [(when - lines[0][0], n) for when, n in lines]


def requests(flights):
    return sum(after > before for (_, before), (_, after)
               in zip([(0, 0)] + flights, flights))


def tick_width(longest, count):
    """1, 2 or 5 times a power of ten, so that there are no more ticks than that"""
    width = 1
    while True:
        for factor in (1, 2, 5):
            if longest <= width * factor * count:
                return width * factor
        width *= 10


def outline(flights, x, y):
    """A path around the area under the steps"""
    last = {when: n for when, n in flights}     # the last of each millisecond
    path = ['M%.1f %.1f' % (x(0), y(0))]
    for when, n in last.items():
        path.append('H%.1fV%.1f' % (x(when), y(n)))
    return ''.join(path) + 'V%.1fZ' % y(0)


def text(x, y, words, kind='', anchor='start'):
    return '<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>' % (
        x, y, anchor, kind and ' class="%s"' % kind, words)


def line(x1, y1, x2, y2, kind):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>' % (x1, y1, x2, y2, kind)


def panel(top, flights, highest, kind, title, x):
    def y(n):
        return top + PANEL - n * PANEL / highest

    end = flights[-1][0]
    yield text(LEFT, top - 14, '%s: %d calls in %.2f s' % (
        title, requests(flights), end / 1000), 'title')
    for n in range(0, highest + 1, tick_width(highest, 3)):
        yield line(LEFT, y(n), WIDTH - RIGHT, y(n), 'grid')
        yield text(LEFT - 10, y(n) + 4.5, n, 'quiet', 'end')
    yield '<path class="%s" d="%s"/>' % (kind, outline(flights, x, y))
    yield line(LEFT, y(0), WIDTH - RIGHT, y(0), 'axis')


def draw(with_it, without):
    longest = max(with_it[-1][0], without[-1][0])
    highest = max(n for _, n in with_it + without)

    def x(when):
        return LEFT + when * (WIDTH - LEFT - RIGHT) / longest

    yield ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d"'
           ' role="img">' % (WIDTH, HEIGHT, WIDTH, HEIGHT))
    yield '<title>Calls in flight during a join, with read-ahead and without</title>'
    yield '<style>%s\n</style>' % STYLE
    yield '<rect class="paper" width="100%" height="100%" rx="6"/>'
    yield text(LEFT, 22, 'Calls in flight', 'quiet')
    yield from panel(TOPS[0], with_it, highest, 'with', 'With read-ahead', x)
    yield from panel(TOPS[1], without, highest, 'without', 'Without', x)
    width = tick_width(longest, 8)
    for when in range(0, longest + 1, width):
        yield line(x(when), BOTTOM, x(when), BOTTOM + 5, 'axis')
        yield text(x(when), BOTTOM + 21, '%g' % (when / 1000), 'quiet', 'middle')
    yield text((LEFT + WIDTH - RIGHT) / 2, BOTTOM + 41,
               'seconds; each call takes the service 20 ms', 'quiet', 'middle')
    yield '</svg>'


print('\n'.join(draw(read(sys.argv[1]), read(sys.argv[2]))))
