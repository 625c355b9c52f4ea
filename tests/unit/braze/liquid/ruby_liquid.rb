# What Ruby makes of templates and of JSON: {"templates": [[template, variables]], "json": [text]} in, and the same
# keys out with a text for each, null where it cannot be read. The clock stands at the second given as the argument.
require 'json'
require 'liquid'
require 'time'

NOW = Integer(ARGV.fetch(0))
class << Time
  def now
    at(NOW)
  end
end

# Braze runs on Rails, where everything can be asked whether it is blank.
class Object
  def blank?
    respond_to?(:empty?) ? !!empty? : !self
  end
end
class String
  def blank?
    match?(/\A[[:space:]]*\z/)
  end
end

def rendered(template, variables)
  text = Liquid::Template.parse(template).render(JSON.parse(JSON.generate(variables)))
  text.dup.force_encoding('UTF-8').scrub
rescue Liquid::SyntaxError, Liquid::StackLevelError
  nil
end

def read(text)
  JSON.parse(text).inspect
rescue JSON::ParserError
  nil
end

asked = JSON.parse($stdin.read, max_nesting: false)
templates = asked['templates'].map { |template, variables| rendered(template, variables) }
puts JSON.generate('templates' => templates, 'json' => asked['json'].map { |text| read(text) })
