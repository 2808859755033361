import Agent
import Model
import System
import TestSupport
import Testing

/// Where installed programs are found by those for whom they are.
@Suite struct ProgramLinksTests {
    @Test func releasesGoOutsideTheStateFolderUnlessTheyAreThereAlready() throws {
        let temporary = try TemporaryFolder()
        let state = temporary.path("agent")
        try Directory.create(state, mode: 0o700)
        var configuration = AgentConfiguration()
        #expect(AgentState.products(state, configuration) == state + "-products")
        #expect(AgentState.products(state + "/", configuration) == state + "-products")
        #expect(AgentState.products("/var/lib/axle-agent", configuration) == "/opt/axle/products")
        #expect(AgentState.programs("/var/lib/axle-agent", configuration) == "/opt/axle/bin")
        #expect(AgentState.programs(state, configuration) == nil)
        // An agent of an earlier release keeps its place.
        try Directory.create(state + "/products")
        #expect(AgentState.products(state, configuration) == state + "/products")
        // What was moved is found through a link.
        try Directory.removeTree(state + "/products")
        try File.swapLink(state + "/products", to: "/srv/programs")
        #expect(AgentState.products(state, configuration) == "/srv/programs")
        configuration.productsFolder = "/elsewhere"
        configuration.programsFolder = "/usr/local/bin"
        #expect(AgentState.products(state, configuration) == "/elsewhere")
        #expect(AgentState.programs(state, configuration) == "/usr/local/bin")
    }
}
