package import Model
package import Trust

extension AgentCore {
    /// Who the agent is and whom it obeys; does not change while it runs.
    package struct Identity: Sendable {
        package var id: NodeID
        package var fleet: FleetName
        /// The hub's key for orders, as DER of its SubjectPublicKeyInfo.
        package var orderKey: [UInt8]
        /// The product that is the agent itself.
        package var selfProduct: ProductName?
        /// Whose second signature the machine's owner asks for.
        package var operators: OperatorPolicy

        package init(
            id: NodeID, fleet: FleetName, orderKey: [UInt8], selfProduct: ProductName?,
            operators: OperatorPolicy = OperatorPolicy()
        ) {
            self.id = id
            self.fleet = fleet
            self.orderKey = orderKey
            self.selfProduct = selfProduct
            self.operators = operators
        }
    }
}
